"""Scoring of sets that have a value of each utterance: the loop of the programs that compare tables with references."""

from collections.abc import Callable
from pathlib import Path

from toolkit.io.conditions import read_condition
from toolkit.io.variants import read_variant
from toolkit.report.enhancement.utterance_values import UtteranceValues, table_of_utterances
from toolkit.report.summaries import condition_facts
from toolkit.report.utterance_table import write_scored
from toolkit.tasks.enhancement.audio_summary import line_of, summarise_values
from toolkit.tasks.verification.trial_summary import Bootstrap


def score_sets(args, score: Callable[[Path, Path], UtteranceValues]) -> None:
    """Score each set; write result.json and utterances.tsv, and print a line for each metric.

    Args:
        args: those of toolkit.io.command_line.add_hypothesis_arguments.
        score: of the folders of a set's hypotheses and references.
    """
    bootstrap, scored = Bootstrap(args.resamples, args.level, args.seed), {}
    for name in args.sets:
        hypotheses, references = Path(args.in_root) / name, Path(args.ref_root) / name
        values = score(hypotheses, references)
        facts = condition_facts(read_condition(references)) | {"variant": read_variant(hypotheses)}
        scored[name] = summarise_values(values, bootstrap, **facts), table_of_utterances(values)
    write_scored(args.out_root, scored, lambda result: (line_of(result.metrics, name) for name in result.metrics))
