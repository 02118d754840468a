"""What the reports of all tasks share: options, the plot of training, the files to write."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from toolkit.io.atomic import replacing
from toolkit.io.errors import counted
from toolkit.report.plots import plot_training
from toolkit.report.verdict import verdicts
from toolkit.report.verification.trial_results import read_run_log

Plots = list[tuple[str, Path]]  # caption and file


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


def draw_training(results: dict, folder: Path, *metric: str) -> Plots:
    """Plot ``metrics.jsonl`` if it exists; ``metric``: see toolkit.report.plots.plot_training."""
    log = Path(results["expdir"]) / "metrics.jsonl"
    if not log.is_file():
        return []
    plot_training(read_run_log(log), folder / "training.png", results["experiment"], *metric)
    return [(f"training, {results['experiment']}", folder / "training.png")]


def write_report(
    args,
    results: dict,
    experiments: Sequence[dict],
    plots: Plots,
    page: Callable[..., str],
    html: Callable[[str], str],
    *,
    stem: str = "results",
    notes: str = "",
) -> None:
    """Write the files of a report; print a summary and the verdicts.

    Args:
        args: of :func:`add_report_arguments`.
        results: content of EXPDIR/``stem``.json; ``experiments``: all rows of the tables.
        plots: of the experiment.
        page: (title, links to plots) -> Markdown.
        html: Markdown without plots -> report.html.
        notes: further outputs, for the printed summary.
    """
    if args.tables_only:  # of an archive
        with replacing(args.recipe_results) as handle:
            handle.write(page("Results", []))
        return
    title, output = results["experiment"], args.output or args.expdir / "RESULTS.md"
    links = [(caption, os.path.relpath(path, output.parent).replace(os.sep, "/")) for caption, path in plots]
    contents = {
        args.expdir / f"{stem}.json": json.dumps(results, indent=1),
        output: page(title, links),
        args.expdir / "report.html": html(page(title, [])),
    }
    if args.recipe_results:
        contents[args.recipe_results] = page("Results", [])
    for path, content in contents.items():
        with replacing(path) as handle:
            handle.write(content)
    made = f"{counted(1 + len(args.compare), 'experiment')}, {counted(len(plots), 'plot')}"
    print(f"{output}: {made}{notes}", *verdicts(experiments), sep="\n")
