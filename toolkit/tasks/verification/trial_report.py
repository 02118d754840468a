"""The report of a verification experiment; one that was scored in several ways has a row for each.

The ways are the folders scores, scores_as_norm, ... of EXPDIR.
"""

import argparse
import logging
from collections.abc import Callable
from pathlib import Path

from toolkit.report.experiment_page import Plots, draw_training, write_report
from toolkit.report.page import report_page
from toolkit.report.plots import det_choice, plot_det, plot_eer_by_snr
from toolkit.report.verification.trial_results import collect, experiment_name, same_test_sets, scoring_variants
from toolkit.report.verification.trial_sections import sections
from toolkit.report.verification.trial_tables import by_condition, results_page


def add_arguments(parser) -> None:
    """Options of this report alone."""
    parser.add_argument("--scores", default="scores", help="folder of EXPDIR: the way of scoring that plots show")


def draw(results: dict, ood: list[str], folder: Path) -> Plots:
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
    return plots + draw_training(results, folder)


def collect_all(args) -> list[dict]:
    """The experiment as it is to be shown first, its other ways of scoring, then the experiments to compare with."""
    asked = [(args.expdir, args.scores)]
    asked += [(path, way) for path in [args.expdir, *args.compare] for way in scoring_variants(path) or ["scores"]]
    experiments = [collect(path, way) for path, way in dict.fromkeys(asked)]
    for message in same_test_sets(experiments):
        logging.warning("%s", message)
    experiments = [one for number, one in enumerate(experiments) if one["sets"] or number == 0]
    if len({one["experiment"] for one in experiments}) < len(experiments):
        for one in experiments:
            one["experiment"] = experiment_name(one["expdir"], one["scores"])
    return experiments


def write(args: argparse.Namespace, command: str, first_sections: Callable = lambda *_: []) -> None:
    """Write the report; ``command`` is named on its pages.

    Args:
        first_sections: (experiments, kinds of noise out of domain) -> sections that come before those of all reports.
    """
    experiments = collect_all(args)
    results, more = experiments[0], [*first_sections(experiments, args.ood), *sections(experiments, args.ood)]
    plots = draw(results, args.ood, args.expdir / "plots")
    write_report(
        args,
        results,
        experiments,
        plots,
        lambda title, links: results_page(title, experiments, command, args.ood, links, more),
        lambda text: report_page(results, text, plots, args.ood),
        stem=f"results{args.scores.removeprefix('scores')}",
    )
