"""Scoring of intents: hypotheses and references of a set in, exact matches of each utterance out."""

from pathlib import Path

import numpy as np

from toolkit.data.matched_table import read_matched
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError
from toolkit.io.slots import TABLE, slots_of
from toolkit.report.enhancement.utterance_values import UtteranceValues


def score_intents(hypotheses, references) -> UtteranceValues:
    """The ``intent_accuracy`` of each utterance, 1 or 0: are all slots right? And ``slot_accuracy``, their share.

    Args:
        hypotheses: folder with the recognised ``utt2intent``.
        references: data dir with ``utt2intent`` and ``utt2spk``.

    Raises:
        InputError: a table is missing or malformed, they are of different utterances, or an intent has other slots
            than its reference.
    """
    data = DataDir(references)
    utts = list(data.keys())
    tables = [_slots(folder, utts) for folder in (references, hypotheses)]
    for utt, reference, hypothesis in zip(utts, *tables, strict=True):
        if reference.keys() != hypothesis.keys():
            raise InputError(
                f"{Path(hypotheses) / TABLE}: {utt}: slots {' '.join(hypothesis)}, the reference has "
                f"{' '.join(reference)}; use a classifier of these slots"
            )
    right = [
        [hypothesis[slot] == value for slot, value in reference.items()]
        for reference, hypothesis in zip(*tables, strict=True)
    ]
    values = {
        "intent_accuracy": np.array([float(all(row)) for row in right]),
        "slot_accuracy": np.array([float(np.mean(row)) for row in right]),
    }
    return UtteranceValues(data.path.name, utts, *data.labels(utts), values, {utt: {} for utt in utts})


def _slots(folder, utts: list[str]) -> list[dict[str, str]]:
    """Slot -> value of each utterance."""
    slots = []
    for utt, text in read_matched(folder, TABLE, utts, "intent").items():
        try:
            slots.append(slots_of(text))
        except InputError as error:
            raise InputError(f"{Path(folder) / TABLE}: {utt}: {error}") from None
    return slots
