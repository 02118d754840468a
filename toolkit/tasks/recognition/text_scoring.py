"""Scoring recognised text: hypotheses and references of a set in, errors of each utterance and their summary out."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from toolkit.data.text_units import EMPTY
from toolkit.io.conditions import read_condition
from toolkit.io.datadir import DataDir, c_sorted, read_table
from toolkit.io.errors import InputError, counted, some_of
from toolkit.io.variants import read_variant
from toolkit.metrics.recognition.plain_words import normaliser
from toolkit.metrics.recognition.registry import METRICS
from toolkit.metrics.recognition.word_errors import UNITS, ErrorCounts, count_errors
from toolkit.metrics.statistics.bootstrap import STRETCHED
from toolkit.report.recognition.utterance_errors import KINDS, UtteranceErrors, table_of_errors
from toolkit.report.summaries import SetSummary, condition_facts, estimates
from toolkit.tasks.verification.trial_summary import FEW_SPEAKERS, Bootstrap


def score_texts(hypotheses, references, normalize: str = "none") -> UtteranceErrors:
    """The errors of a set.

    Args:
        hypotheses: folder with the recognised ``text``, in which ``<empty>`` means no words.
        references: data dir with ``text`` and ``utt2spk``.
        normalize: of both, see toolkit.metrics.recognition.plain_words.normaliser.

    Raises:
        InputError: a table is missing or malformed, or they are of different utterances; names them.
    """
    data = DataDir(references)
    utts, utt2spk = list(data.keys()), data.table("utt2spk")
    plain = _texts(data.path / "text", data, utts, "utils/fix_data_dir.sh keeps what has both")
    recognised = _texts(Path(hypotheses) / "text", data, utts, "transcribe the same set again (stage 7)")
    normalise = normaliser(normalize)
    plain, recognised = ([normalise(text) for text in texts] for texts in (plain, recognised))
    counts = {metric: count_errors(plain, recognised, metric) for metric in METRICS}
    return UtteranceErrors(data.path.name, utts, [utt2spk[utt] for utt in utts], counts, plain, recognised)


def _texts(path: Path, data: DataDir, utts: list[str], remedy: str) -> list[str]:
    """The texts of all utterances, with single blanks; ``remedy``: where they are those of others."""
    table = read_table(path)
    missing, extra = c_sorted(set(utts) - table.keys()), c_sorted(table.keys() - set(utts))
    for ids, known, what in ((missing, table.keys(), f"of {data.path} missing"), (extra, utts, f"not in {data.path}")):
        if ids:
            raise InputError(f"{path}: {counted(len(ids), 'utterance')} {what}: {some_of(ids, known=known)}; {remedy}")
    return ["" if table[utt] == EMPTY else " ".join(table[utt].split()) for utt in utts]


def summarise_errors(errors: UtteranceErrors, bootstrap: Bootstrap, hypotheses, references) -> SetSummary:
    """The summary of a set; ``hypotheses`` and ``references`` as in :func:`score_texts`."""
    speakers = errors.speaker_names()
    if len(speakers) < 2:
        logging.warning("%s: no intervals: its utterances are of one speaker, and speakers are resampled", errors.name)
    intervals = errors.intervals(errors.resample(speakers, bootstrap.resamples, bootstrap.seed), bootstrap.level)
    rates = estimates(intervals)
    return SetSummary(
        {name: replace(rate, counts=_totals(errors.counts[name])) for name, rate in rates.items()},
        n_utterances=len(errors.utts),
        n_speakers=len(speakers),
        note="few speakers" if len(speakers) < FEW_SPEAKERS else "",
        name=errors.name,
        bootstrap=bootstrap.facts() | {"method": f"percentile; {STRETCHED}"},
        variant=read_variant(hypotheses),
        **condition_facts(read_condition(references)),
    )


def scored_texts(hypotheses, references, bootstrap: Bootstrap, normalize: str = "none") -> tuple[SetSummary, str]:
    """Summary and utterances.tsv of a set; arguments and errors as of :func:`score_texts`."""
    errors = score_texts(hypotheses, references, normalize)
    return summarise_errors(errors, bootstrap, hypotheses, references), table_of_errors(errors)


def _totals(counts: ErrorCounts) -> dict[str, int]:
    return {name: int(np.sum(getattr(counts, name))) for name in (*KINDS, "length")}


def line_of(result: SetSummary, name: str) -> str:
    """``WER 12.50 % [10.00, 15.00]: 3 errors in 24 words (substitutions 1, deletions 2, insertions 0)``."""
    rate = result.metrics[name]
    value, low, high = ("-" if x is None else f"{x:.2f}" for x in (rate.value, rate.low, rate.high))
    interval = "" if rate.low is None else f" [{low}, {high}]"
    errors = counted(sum(rate.counts[kind] for kind in KINDS), "error")
    kinds = ", ".join(f"{kind} {rate.counts[kind]:,}" for kind in KINDS)
    return f"{METRICS[name].label} {value} %{interval}: {errors} in {rate.counts['length']:,} {UNITS[name]} ({kinds})"
