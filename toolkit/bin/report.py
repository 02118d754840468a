"""Report an experiment of any task: results.json, RESULTS.md, report.html, plots; tables over several experiments.

The first word or the config of the experiment names the task. For the inputs and options of a task, see
`python -m toolkit.bin.report <task> --help`. --from FILE --recipe_results PAGE makes the tables again from the file
that --archive has kept, without the experiments.

Example: python -m toolkit.bin.report --expdir exp/ecapa --compare exp/mean_fbank --ood nonspeech
"""

import shlex
import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_trust, run
from toolkit.io.errors import InputError
from toolkit.report.archive import keep, unpacked
from toolkit.report.experiment_page import add_report_arguments
from toolkit.tasks import registry


def main(argv=None) -> None:
    """Write the report."""
    words = list(sys.argv[1:] if argv is None else argv)
    if "--from" in words:
        parser = Parser(description=__doc__)
        parser.add_argument("--from", dest="kept", type=Path, required=True, help="file that --archive has kept")
        parser.add_argument("--recipe_results", type=Path, required=True, help="page to make of it")
        args = parser.parse_args(words)
        make_anew(args.kept, args.recipe_results)
        return
    spec, others = registry.of_command_line(words, __doc__)
    report, parser = spec.load("report"), parser_of(spec)
    parser.add_argument("--task", help="of the experiment; default: the one its config names")
    add_trust(parser)
    args = parser.parse_args(others)
    args.task = spec.name
    if args.archive and not args.recipe_results:
        raise InputError("--archive: keeps what --recipe_results is made of; give both")
    command = shlex.join(["python", "-m", "toolkit.bin.report", *words])
    report.write(args, command)
    if args.archive:
        keep(args, command)
        make_anew(args.archive, args.recipe_results)


def parser_of(spec: registry.TaskSpec) -> Parser:
    """The options of a task's report."""
    parser = Parser(description=__doc__)
    add_report_arguments(parser)
    spec.load("report").add_arguments(parser)
    return parser


def make_anew(archive: Path, page: Path) -> None:
    """Write the page with the tables of an archive."""
    page = page.absolute()
    with unpacked(archive) as table:
        spec = registry.of_experiment(table["expdir"])  # never a task from outside the toolkit
        args = parser_of(spec).parse_args(["--expdir", table["expdir"]])
        args.compare, args.ood = [Path(path) for path in table["compare"]], table["ood"]
        args.scores = table.get("scores", "scores")
        args.task, args.recipe_results, args.tables_only = spec.name, page, True
        spec.load("report").write(args, table["command"])


if __name__ == "__main__":
    sys.exit(run(main))
