"""The report of a recognition experiment: error rates by set and condition, comparisons, the worst utterances.

The report reads scores*/<set>/{result.json,utterances.tsv}, which score_text writes. Variants beside the main scores
(scores_<variant>) get separate rows.
"""

import argparse

from toolkit.metrics.recognition.registry import METRICS
from toolkit.report.bootstrap_samples import means_over
from toolkit.report.collection import collect_all
from toolkit.report.comparison import compare_utterances, comparison_section
from toolkit.report.experiment_page import draw_training, write_report
from toolkit.report.recognition.text_results import collect_text
from toolkit.report.recognition.text_tables import aligned_errors, by_condition, characters, summary, worst_utterances
from toolkit.report.summaries import to_json
from toolkit.report.verification.trial_tables import name_test_sets
from toolkit.tasks import registry


def add_arguments(parser) -> None:
    """This report has no options besides those of every report."""


def write(args: argparse.Namespace, command: str) -> None:
    """Write the report; its pages name ``command``."""
    experiments = collect_all(args, collect_text)
    for results in experiments:
        results.means = means_over(results.sets, args.ood)
    name_test_sets(experiments)
    first, *others = experiments
    comparisons = [compare_utterances(first, other, args.ood) for other in others]
    sections = [
        summary(experiments),
        *by_condition(experiments, args.ood),
        comparison_section(first.name, comparisons, list(METRICS)),
        worst_utterances(first),
        characters(experiments),
    ]
    write_report(
        args,
        {**to_json(first), "comparisons": comparisons},
        experiments,
        registry.get(args.task).title,
        command,
        sections,
        [] if args.tables_only else draw_training(first, args.expdir / "plots", "wer", "WER (%)"),
        examples=[aligned_errors(first, others[:1])],
    )
