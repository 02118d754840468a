"""The report of a verification experiment, with a row for each scoring backend.

The folders scores, scores_as_norm, ... of EXPDIR hold the scores of the backends.
"""

import argparse
import itertools
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from toolkit.report.blocks import Plot, Section
from toolkit.report.charts import det_chart, snr_chart
from toolkit.report.collection import collect_all
from toolkit.report.experiment_page import add_listening_arguments, draw_training, write_report
from toolkit.report.listening import listening_section
from toolkit.report.plots import det_choice, picture
from toolkit.report.summaries import Experiment
from toolkit.report.verification.trial_results import collect, same_test_sets, scoring_variants
from toolkit.report.verification.trial_sections import sections
from toolkit.report.verification.trial_tables import by_test_set, condition_sections, name_test_sets, row_label, summary
from toolkit.tasks import registry
from toolkit.tasks.verification.trial_listening import FOLDER, scored_trials, write_hardest


def add_arguments(parser) -> None:
    """Options that only this report has."""
    parser.add_argument("--scores", default="scores", help="folder of EXPDIR with the scores that plots show")
    add_listening_arguments(parser)


def draw(results: Experiment, ood: list[str], folder: Path) -> list[Plot]:
    """Draw the plots that the results have data for."""
    plots = []
    for test_set, row in by_test_set(results).items():
        label = row_label(results.name, test_set)
        stem = f"_{test_set.replace('/', '_')}" if test_set else ""
        det = det_chart({label: det_choice(row)}, f"DET curves, {label}")
        plots.append(picture(det.caption, folder / f"det{stem}.png", [det], label))
        if any(condition.snr is not None for condition in row):
            by_snr = snr_chart(row, f"EER by SNR, {label}", ood)
            plots.append(picture(by_snr.caption, folder / f"eer_by_snr{stem}.png", [by_snr], label))
    return plots + draw_training(results, folder)


def hardest_trials(args, results: Experiment) -> Section:
    """Write the hardest trials to listen to; remove those that earlier scores have left, if there are none now."""
    folder = args.expdir / FOLDER
    sets = [scored_trials(one, args.data_root / one.name) for one in results.sets[: args.listen_sets]]
    write_hardest(folder, [one for one in sets if one], args.max_seconds)
    return replace(listening_section(folder, "Hardest trials"), only_html=True)


def backends_of(args, path: Path) -> list[Experiment]:
    """An experiment by each of its scoring backends; of the page's own, those to show come first."""
    first = [args.scores] if path == args.expdir else []
    return [collect(path, name) for name in dict.fromkeys([*first, *(scoring_variants(path) or ["scores"])])]


def write(args: argparse.Namespace, command: str, more: Callable = lambda *_: []) -> None:
    """Write the report; its pages name ``command``.

    Args:
        more: (experiments, kinds of noise out of domain) -> sections that only reports of this task have.
    """
    experiments = collect_all(args, partial(backends_of, args))
    for message in same_test_sets(experiments):
        logging.warning("%s", message)
    experiments = [results for number, results in enumerate(experiments) if results.sets or number == 0]
    name_test_sets(experiments)
    parts = [f(experiments, args.ood) for f in (condition_sections, more, sections)]
    write_report(
        args,
        experiments[0],
        experiments,
        registry.get(args.task).title,
        command,
        [summary(experiments, args.ood), *itertools.chain(*parts)],
        [] if args.tables_only else draw(experiments[0], args.ood, args.expdir / "plots"),
        stem=f"results{args.scores.removeprefix('scores')}",
        examples=[] if args.tables_only else [hardest_trials(args, experiments[0])],
    )
