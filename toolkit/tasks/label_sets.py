"""Sets with a label of each utterance, transcript or intent: recognised by a job, scored with intervals."""

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from toolkit.io.audio import AudioTable
from toolkit.io.conditions import read_condition
from toolkit.io.jobs import each_set, write_job_tables
from toolkit.io.variants import read_variant
from toolkit.report.enhancement.utterance_values import UtteranceValues, table_of_utterances
from toolkit.report.summaries import SetSummary, condition_facts
from toolkit.report.utterance_table import write_scored
from toolkit.tasks.enhancement.audio_summary import line_of, summarise_values
from toolkit.tasks.verification.trial_summary import Bootstrap


def recognise_sets(
    args: argparse.Namespace, fs: int, table: str, labels: Callable[[AudioTable, list[str], Any], Mapping[str, str]]
) -> None:
    """The work of a job: write the label of each utterance.

    Args:
        args: of toolkit.io.command_line.add_job_arguments.
        fs: rate in Hz that the audio must have.
        table: to write: ``text``, ``utt2intent``.
        labels: of audio, ids and a progress bar: id -> label.

    Raises:
        InputError: audio is missing, malformed or of another rate.
    """
    for name, keys, bar in each_set(args.work, table):
        audio = AudioTable(Path(args.in_root) / name, fs=fs, only=set(keys))
        write_job_tables(args.out_root, name, args.job, **{table: labels(audio, keys, bar)})


def score_sets(
    args: argparse.Namespace,
    score: Callable[[Path, Path, Bootstrap], tuple[SetSummary, str]],
    lines: Callable[[SetSummary], Iterable[str]],
) -> None:
    """Score recognised tables and write the results; all are read before one is written.

    Args:
        args: of toolkit.io.command_line.add_hypothesis_arguments.
        score: folder of the hypotheses, data dir of the references, bootstrap -> summary, content of utterances.tsv.
        lines: of a summary, to print.
    """
    bootstrap = Bootstrap(args.resamples, args.level, args.seed)
    pairs = {name: (Path(args.in_root) / name, Path(args.ref_root) / name) for name in args.sets}
    write_scored(args.out_root, {name: score(*pair, bootstrap) for name, pair in pairs.items()}, lines)


def score_value_sets(args: argparse.Namespace, score: Callable[[Path, Path], UtteranceValues]) -> None:
    """As :func:`score_sets`, of sets whose metrics are means of values of utterances.

    Args:
        args: of toolkit.io.command_line.add_hypothesis_arguments.
        score: folder of the hypotheses, data dir of the references -> values.
    """

    def summarised(hypotheses: Path, references: Path, bootstrap: Bootstrap) -> tuple[SetSummary, str]:
        values = score(hypotheses, references)
        facts = condition_facts(read_condition(references)) | {"variant": read_variant(hypotheses)}
        return summarise_values(values, bootstrap, **facts), table_of_utterances(values)

    score_sets(args, summarised, lambda result: (line_of(result.metrics, name) for name in result.metrics))
