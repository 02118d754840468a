"""Two systems' values of the same utterances, compared on the same bootstrap samples of speakers. Loads no torch."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from toolkit.io.datadir import c_sorted
from toolkit.io.errors import InputError, some_of
from toolkit.metrics.signal.registry import METRICS, SAME_MIXTURE
from toolkit.metrics.statistics.paired import Difference
from toolkit.report.enhancement.utterance_values import UtteranceValues, read_utterances
from toolkit.report.utterance_table import TABLE
from toolkit.tasks.paired_comparison import compare_conditions


def load_audio_condition(a, b) -> tuple[UtteranceValues, UtteranceValues]:
    """Read two folders as summarise_audio writes them; warn of metrics that are compared on fewer utterances.

    Returns:
        The values of system A and of system B, see UtteranceValues.paired.

    Raises:
        InputError: a folder is malformed, their utterances, speakers or mixtures differ, or no metric is in both.
    """
    first, second = (read_utterances(Path(folder) / TABLE) for folder in (a, b))
    pair = first.paired(second, a, b)
    for name in pair[0].values:
        lacks = [~np.isfinite(side.values[name]) for side in (first, second)]
        if missing := int((lacks[0] | lacks[1]).sum()):
            label, total = METRICS[name].label, len(first.utts)
            logging.warning(
                "%s: %s is compared on %d of %d utterances: the others have no finite value in A (%d) or B (%d)",
                *(first.name, label, total - missing, total, lacks[0].sum(), lacks[1].sum()),
            )
        mixtures = [side.values.get(f"{name}_mix") for side in (first, second)]
        if mixtures[0] is not None and mixtures[1] is not None:
            with np.errstate(invalid="ignore"):
                different = np.flatnonzero(np.abs(mixtures[0] - mixtures[1]) > SAME_MIXTURE)
            if len(different):
                raise InputError(
                    f"{b}: not the mixtures of {a}: {some_of(first.utts[i] for i in different)}; score both on one set"
                )
    return pair


def compare_audio_values(
    conditions: Sequence[tuple[UtteranceValues, UtteranceValues]], resamples: int, level: float, seed: int
) -> dict[str, dict[str, Difference]]:
    """Differences B - A of means, in each condition and, of several, in their mean (``Avg.``).

    All conditions have the same bootstrap samples of all their speakers.
    """
    speakers = c_sorted({spk for a, _ in conditions for spk in a.speakers})
    resampled = {
        a.name: (a.resample(speakers, resamples, seed), b.resample(speakers, resamples, seed)) for a, b in conditions
    }
    return compare_conditions(resampled, level, len(speakers))
