"""Report an experiment: results.json, RESULTS.md, report.html, plots from its scores; tables over several experiments.

Its task is read from its config. Without --expdir, --help lists the options of all tasks.

Example: python -m toolkit.bin.report --expdir exp/sv_ecapa --compare exp/sv_floor --ood nonspeech
"""

import argparse
import importlib
import shlex
import sys

from toolkit.io.command_line import Parser, run
from toolkit.report.experiment_page import add_report_arguments
from toolkit.tasks.kind import REPORTS, task_of_experiment


def get_parser(task: str | None = None) -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.report`` for an experiment of a task; None: of all tasks."""
    parser = Parser(description=__doc__)
    add_report_arguments(parser)
    parser.add_argument("--task", choices=REPORTS, help="of the experiment; default: what its config says")
    for module in dict.fromkeys([REPORTS[task]] if task else REPORTS.values()):
        importlib.import_module(module).add_arguments(parser)
    return parser


def main(argv=None) -> None:
    """Write the report."""
    words = list(sys.argv[1:] if argv is None else argv)
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for option in ("--expdir", "--task"):
        finder.add_argument(option, nargs="?")
    given, _ = finder.parse_known_args(words)
    task = given.task if given.task in REPORTS else task_of_experiment(given.expdir) if given.expdir else None
    args = get_parser(task).parse_args(words)
    args.task = task
    importlib.import_module(REPORTS[task]).write(args, shlex.join(["python", "-m", "toolkit.bin.report", *words]))


if __name__ == "__main__":
    sys.exit(run(main))
