"""What the reports of all tasks share: options, the plot of training, the order of a page, the files to write."""

import json
from collections.abc import Sequence
from pathlib import Path

from toolkit.io.atomic import replacing
from toolkit.io.command_line import real_number, whole_number
from toolkit.io.errors import counted
from toolkit.report.blocks import Page, Plot, Section
from toolkit.report.charts import training_charts
from toolkit.report.html import to_html
from toolkit.report.listening import listening_section
from toolkit.report.markdown import to_markdown
from toolkit.report.origin import origin_section
from toolkit.report.overview import overview
from toolkit.report.plots import picture
from toolkit.report.summaries import Experiment, to_json
from toolkit.report.verdict import verdicts
from toolkit.report.verification.trial_results import read_run_log

LISTENING = "listening"  # folder of the examples, in the experiment's folder


def add_report_arguments(parser) -> None:
    """The options of every report."""
    parser.add_argument(
        "--expdir", type=Path, required=True, help="experiment; gets results.json, report.html and plots/"
    )
    parser.add_argument("--compare", type=Path, nargs="*", default=[], help="experiments that get a row in its tables")
    parser.add_argument("--output", type=Path, help="page to write; default EXPDIR/RESULTS.md")
    parser.add_argument("--ood", nargs="*", default=[], help="kinds of noise that are out of domain: a mean apart")
    parser.set_defaults(tables_only=False)
    parser.add_argument("--recipe_results", type=Path, help="page over all these experiments, without plots")
    parser.add_argument("--archive", type=Path, help="JSON file that keeps what --recipe_results is made of")


def add_listening_arguments(parser) -> None:
    """The options of reports with examples to listen to."""
    parser.add_argument("--data_root", type=Path, default=Path("dump/raw"), help="folder of the test sets' audio")
    parser.add_argument(
        "--listen_sets",
        type=whole_number(),
        default=3,
        help="number of test sets that examples are of, the first ones; likewise of sets of real recordings",
    )
    parser.add_argument(
        "--max_seconds",
        type=real_number(0.1, 1e9, inside=True),
        default=10.0,
        help="no more than the beginning of an example",
    )


def draw_training(results: Experiment, folder: Path, *metric: str) -> list[Plot]:
    """Plot ``metrics.jsonl`` if it exists; ``metric``: see toolkit.report.charts.training_charts."""
    log = Path(results.expdir) / "metrics.jsonl"
    charts = training_charts({results.name: read_run_log(log)}, *metric) if log.is_file() else []
    return [picture(f"Training, {results.name}", folder / "training.png", charts, results.name)] if charts else []


def report_page(
    kind: str,
    experiments: Sequence[Experiment],
    command: str,
    sections: Sequence[Section | None],
    pictures: Sequence[Section] = (),
    title: str = "",
    plots: Sequence[Plot] | None = None,
) -> Page:
    """Verdict, overview, the first section, pictures, how all was made, then the other sections.

    Args:
        kind: of experiment, in a few words.
        experiments: collected results, the page's own first.
        command: that makes the page.
        sections: the first is the summary; None: there are no results for it.
        pictures: plots and examples to listen to.
        title: default: the experiment's name.
        plots: of the experiment; None: the page has no overview.
    """
    every = verdicts(experiments)
    first_blocks = [] if plots is None else overview(experiments, every, plots)
    own = str(every.pop(0)) if experiments[0].train else ""
    others_verdicts = [str(verdict) for verdict in every if verdict.claims]
    first, *others = filter(None, sections)
    shown = [first, *pictures, origin_section(experiments, command), *others]
    if others_verdicts:
        shown.append(Section("Verdicts on the other experiments", others_verdicts))
    return Page(title or experiments[0].name, kind, own, shown, first_blocks)


def write_report(
    args,
    results,
    experiments: Sequence[Experiment],
    kind: str,
    command: str,
    sections: Sequence[Section | None],
    plots: Sequence[Plot],
    *,
    stem: str = "results",
    examples: Sequence[Section] = (),
) -> None:
    """Write the files of a report; print a summary and the verdicts.

    Args:
        args: of :func:`add_report_arguments`.
        results: content of EXPDIR/``stem``.json.
        experiments, kind, command, sections: see :func:`report_page`.
        plots: of the experiment.
        examples: sections of single utterances or trials, beside those of its folder ``listening``.
    """
    contents = {}
    if args.recipe_results:
        page = report_page(kind, experiments, command, sections, title="Results")
        contents[args.recipe_results] = to_markdown(page)
    if not args.tables_only:  # else of an archive
        output, listening = args.output or args.expdir / "RESULTS.md", listening_section(args.expdir / LISTENING)
        pictures = [Section("Plots", plots, folded=False), listening, *examples]
        page = report_page(kind, experiments, command, sections, pictures, plots=plots)
        contents[args.expdir / f"{stem}.json"] = json.dumps(to_json(results), indent=1)
        contents[output] = to_markdown(page, output.parent)
        contents[args.expdir / "report.html"] = to_html(page)
        made = [counted(1 + len(args.compare), "experiment"), counted(len(plots), "plot")]
        made += ["examples to listen to"] if listening.blocks else []
        print(f"{output}: {', '.join(made)}", *verdicts(experiments), sep="\n")
    for path, content in contents.items():
        with replacing(path) as handle:
            handle.write(content)
