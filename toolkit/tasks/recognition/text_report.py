"""The report of a recognition experiment: error rates by set and condition, comparisons, the worst utterances.

The report reads scores*/<set>/{result.json,utterances.tsv}, which score_text writes. Variants beside the main scores
(scores_<variant>) get separate rows.
"""

import argparse

from toolkit.report.experiment_page import draw_training, write_report
from toolkit.report.recognition.text_comparison import compare_experiments, means_over
from toolkit.report.recognition.text_results import collect_text
from toolkit.report.recognition.text_tables import by_condition, characters, comparison, summary, worst_utterances
from toolkit.report.summaries import Experiment, experiment_name, to_json
from toolkit.report.verification.trial_tables import name_test_sets
from toolkit.tasks import registry


def add_arguments(parser) -> None:
    """This report has no options besides those of every report."""


def collect_all(args) -> list[Experiment]:
    """The experiment and its variants, then those to compare with, each with its means over sets."""
    paths = {path.resolve(): path for path in reversed([args.expdir, *args.compare])}
    experiments = [results for path in reversed(paths.values()) for results in collect_text(path)]
    if len({results.name for results in experiments}) < len(experiments):
        for results in experiments:
            results.name = experiment_name(results.expdir, results.scores)
    for results in experiments:
        results.means = means_over(results.sets, args.ood)
    name_test_sets(experiments)
    return experiments


def write(args: argparse.Namespace, command: str) -> None:
    """Write the report; its pages name ``command``."""
    experiments = collect_all(args)
    first, *others = experiments
    comparisons = [compare_experiments(first, other, args.ood) for other in others]
    sections = [
        summary(experiments),
        *by_condition(experiments, args.ood),
        comparison(first.name, comparisons),
        worst_utterances(first),
        characters(experiments),
    ]
    write_report(
        args,
        {**to_json(first), "comparisons": comparisons},
        experiments,
        registry.get(args.task).title,
        command,
        [section for section in sections if section],
        [] if args.tables_only else draw_training(first, args.expdir / "plots", "wer", "WER (%)"),
    )
