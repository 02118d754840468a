"""Report an experiment: results.json, RESULTS.md, report.html, plots from its scores; tables over several experiments.

An experiment that was scored in several ways (folders scores, scores_as_norm, ...) has a row for each.

Example: python -m toolkit.bin.report --expdir exp/ecapa --compare exp/mean_fbank --ood nonspeech
"""

import argparse
import json
import logging
import os
import shlex
import sys
from pathlib import Path

from toolkit.io.atomic import replacing
from toolkit.io.command_line import Parser, run
from toolkit.io.errors import counted
from toolkit.report.page import report_page
from toolkit.report.plots import det_choice, plot_det, plot_eer_by_snr, plot_training
from toolkit.report.verdict import verdicts
from toolkit.report.verification.trial_results import (
    collect,
    experiment_name,
    read_run_log,
    same_test_sets,
    ways_of_scoring,
)
from toolkit.report.verification.trial_sections import sections
from toolkit.report.verification.trial_tables import by_condition, results_page


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.report``."""
    parser = Parser(description=__doc__)
    parser.add_argument(
        "--expdir", type=Path, required=True, help="experiment; gets results.json, report.html and plots/"
    )
    parser.add_argument("--scores", default="scores", help="folder of EXPDIR: the way of scoring that plots show")
    parser.add_argument("--compare", type=Path, nargs="*", default=[], help="experiments that get a row in its tables")
    parser.add_argument("--output", type=Path, help="page to write; default EXPDIR/RESULTS.md")
    parser.add_argument(
        "--ood", nargs="*", default=[], help="kinds of noise that are out of domain: a table of their own"
    )
    parser.add_argument("--recipe_results", type=Path, help="page over all these experiments, without plots")
    return parser


def draw(results: dict, ood: list[str], folder: Path) -> list[tuple[str, Path]]:
    """Draw what there is data for; returns (caption, file) of each plot."""
    plots = []
    for label, row in by_condition(results).items():
        stem = label.removeprefix(results["experiment"]).strip(": ").replace("/", "_")
        stem = f"_{stem}" if stem else ""
        plots.append((f"DET curves, {label}", folder / f"det{stem}.png"))
        plot_det(det_choice(row), plots[-1][1], label)
        if any(snr is not None for _, snr in row):
            plots.append((f"EER by SNR, {label}", folder / f"eer_by_snr{stem}.png"))
            plot_eer_by_snr(row, plots[-1][1], label, ood)
    log = Path(results["expdir"]) / "metrics.jsonl"
    if log.is_file():
        plots.append((f"training, {results['experiment']}", folder / "training.png"))
        plot_training(read_run_log(log), plots[-1][1], results["experiment"])
    return plots


def gather(args) -> list[dict]:
    """The experiment as it is to be shown first, its other ways of scoring, then the experiments to compare with."""
    asked = [(args.expdir, args.scores)]
    asked += [(path, way) for path in [args.expdir, *args.compare] for way in ways_of_scoring(path) or ["scores"]]
    experiments = [collect(path, way) for path, way in dict.fromkeys(asked)]
    for message in same_test_sets(experiments):
        logging.warning("%s", message)
    experiments = [one for number, one in enumerate(experiments) if one["sets"] or number == 0]
    if len({one["experiment"] for one in experiments}) < len(experiments):
        for one in experiments:
            one["experiment"] = experiment_name(one["expdir"], one["scores"])
    return experiments


def main(argv=None) -> None:
    """Write the reports."""
    args = get_parser().parse_args(argv)
    command = shlex.join(["python", "-m", "toolkit.bin.report", *map(str, sys.argv[1:] if argv is None else argv)])
    experiments = gather(args)
    results, output = experiments[0], args.output or args.expdir / "RESULTS.md"
    plots = draw(results, args.ood, args.expdir / "plots")
    links = [(caption, os.path.relpath(path, output.parent).replace(os.sep, "/")) for caption, path in plots]
    with replacing(args.expdir / f"results{args.scores.removeprefix('scores')}.json") as handle:
        json.dump(results, handle, indent=1)
    more = sections(experiments, args.ood)
    with replacing(output) as handle:
        handle.write(results_page(results["experiment"], experiments, command, args.ood, links, more))
    page = results_page(results["experiment"], experiments, command, args.ood, sections=more)
    with replacing(args.expdir / "report.html") as handle:
        handle.write(report_page(results, page, plots, args.ood))
    if args.recipe_results:
        with replacing(args.recipe_results) as handle:
            handle.write(results_page("Results", experiments, command, args.ood, sections=more))
    print(
        f"{output}: {counted(len(experiments), 'experiment')}, {counted(len(plots), 'plot')}",
        *verdicts(experiments),
        sep="\n",
    )


if __name__ == "__main__":
    sys.exit(run(main))
