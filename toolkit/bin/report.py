"""Report an experiment of any task: results.json, RESULTS.md, report.html, plots; tables over several experiments.

The first word or the config of the experiment names the task. For the inputs and options of a task, see
`python -m toolkit.bin.report <task> --help`.

Example: python -m toolkit.bin.report --expdir exp/ecapa --compare exp/mean_fbank --ood nonspeech
"""

import shlex
import sys

from toolkit.io.command_line import Parser, add_trust, run
from toolkit.report.experiment_page import add_report_arguments
from toolkit.tasks import registry


def main(argv=None) -> None:
    """Write the report."""
    words = list(sys.argv[1:] if argv is None else argv)
    spec, others = registry.of_command_line(words, __doc__)
    report, parser = spec.load("report"), Parser(description=__doc__)
    add_report_arguments(parser)
    parser.add_argument("--task", help="of the experiment; default: the one its config names")
    add_trust(parser)
    report.add_arguments(parser)
    args = parser.parse_args(others)
    args.task = spec.name
    report.write(args, shlex.join(["python", "-m", "toolkit.bin.report", *words]))


if __name__ == "__main__":
    sys.exit(run(main))
