"""The report of an experiment in intent classification: accuracies by set and condition, comparisons.

The report reads scores*/<set>/{result.json,utterances.tsv}, which score_intents writes. Variants beside the main scores
(scores_<variant>) get separate rows.
"""

import argparse

from toolkit.metrics.signal.registry import METRICS
from toolkit.report.collection import collect_all
from toolkit.report.comparison import compare_utterances, comparison_section
from toolkit.report.enhancement.audio_results import collect_audio, rows_of
from toolkit.report.enhancement.audio_tables import every_condition, summary
from toolkit.report.enhancement.noise_grid import noise_by_snr
from toolkit.report.experiment_page import draw_training, write_report
from toolkit.report.summaries import to_json
from toolkit.tasks import registry
from toolkit.tasks.enhancement.audio_report import add_means


def add_arguments(parser) -> None:
    """This report has no options besides those of every report."""


def write(args: argparse.Namespace, command: str) -> None:
    """Write the report; its pages name ``command``."""
    write_accuracies(args, command, "Intent accuracy (%)")


def write_accuracies(args: argparse.Namespace, command: str, label: str) -> None:
    """Write the report of a task with accuracies of utterances; ``label`` is that of the validation's ``accuracy``."""
    experiments = collect_all(args, lambda path: [collect_audio(path)])
    for results in experiments:
        add_means(results, args.ood)
    rows = rows_of(experiments)
    comparisons = [compare_utterances(rows[0], other, args.ood) for other in rows[1:]]
    sections = [
        summary(rows),
        noise_by_snr(rows, args.ood),
        every_condition(rows),
        comparison_section(rows[0].name, comparisons, list(METRICS)),
    ]
    write_report(
        args,
        {**to_json(experiments[0]), "comparisons": comparisons},
        rows,
        registry.get(args.task).title,
        command,
        sections,
        [] if args.tables_only else draw_training(rows[0], args.expdir / "plots", "accuracy", label),
    )
