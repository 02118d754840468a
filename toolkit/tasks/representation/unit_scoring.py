"""Scoring of predicted units: the share of masked frames whose unit is right, of each utterance."""

from pathlib import Path

import numpy as np

from toolkit.data.matched_table import read_matched
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError
from toolkit.io.text import fields
from toolkit.report.enhancement.utterance_values import UtteranceValues

TARGETS, PREDICTED, UNMASKED = "utt2units", "utt2predicted", "-"


def score_units(hypotheses, references) -> UtteranceValues:
    """The ``unit_accuracy`` of each utterance, from 0 to 1.

    Args:
        hypotheses: folder with ``utt2units`` and ``utt2predicted``, as predict_units writes them.
        references: data dir with ``utt2spk``.

    Raises:
        InputError: a table is missing or malformed, or they are of different utterances or frames.
    """
    data = DataDir(references)
    utts = list(data.keys())
    targets, predicted = (read_matched(hypotheses, name, utts, "row of units") for name in (TARGETS, PREDICTED))
    values = [_share(fields(targets[utt]), fields(predicted[utt]), Path(hypotheses) / PREDICTED, utt) for utt in utts]
    metrics = {"unit_accuracy": np.array(values)}
    return UtteranceValues(data.path.name, utts, *data.labels(utts), metrics, {utt: {} for utt in utts})


def _share(targets: list[str], predicted: list[str], path: Path, utt: str) -> float:
    """The share of right units among those that are predicted."""
    is_right = [unit == guess for unit, guess in zip(targets, predicted, strict=False) if guess != UNMASKED]
    if len(targets) != len(predicted) or not is_right:
        raise InputError(
            f"{path}: {utt}: {len(predicted)} frames, {len(is_right)} of them masked; must be {len(targets)} frames, "
            "one or more masked; predict the units again (stage 7)"
        )
    return float(np.mean(is_right))
