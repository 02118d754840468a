"""Two systems' values of the same utterances, compared on the same bootstrap samples of speakers. Loads no torch."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.io.datadir import c_sorted
from toolkit.io.errors import InputError, some_of
from toolkit.metrics.signal.registry import METRICS, SAME_MIXTURE
from toolkit.metrics.statistics.paired import Difference
from toolkit.metrics.statistics.speaker_means import resample_means
from toolkit.tasks.enhancement.audio_summary import UtteranceValues, load_values
from toolkit.tasks.paired_comparison import compare_conditions


@dataclass(frozen=True)
class AudioCondition:
    """Values of two systems for one set.

    Attributes:
        name: of the set.
        a: metric -> (N,) values of system A, NaN where A or B has none: a pair counts whole or not at all.
        b: of system B.
        speaker: (N,) names of the speakers.
    """

    name: str
    a: dict[str, np.ndarray]
    b: dict[str, np.ndarray]
    speaker: np.ndarray


def load_audio_condition(a, b) -> AudioCondition:
    """Read two folders of tables as score_audio writes them; warn of metrics that are compared on fewer utterances.

    Raises:
        InputError: a folder is malformed, their utterances, speakers or mixtures differ, or no metric is in both.
    """
    first, second = (load_values(folder) for folder in (a, b))
    condition = pair_values(first, second, a, b)
    for name in (f"{name}_mix" for name in condition.a):
        if name in first.values and name in second.values:
            with np.errstate(invalid="ignore"):
                different = np.flatnonzero(np.abs(first.values[name] - second.values[name]) > SAME_MIXTURE)
            if len(different):
                raise InputError(
                    f"{b}: not the mixtures of {a}: {some_of(first.utts[i] for i in different)}; score both on one set"
                )
    return condition


def pair_values(first: UtteranceValues, second: UtteranceValues, a, b, quiet: bool = False) -> AudioCondition:
    """As :func:`load_audio_condition`, of values read from ``a`` and ``b``; ``quiet``: without warnings."""
    if unpaired := set(first.utts) ^ set(second.utts):
        raise InputError(f"{b}: not the utterances of {a}: {some_of(c_sorted(unpaired))}; score both on one set")
    if first.speakers != second.speakers or (first.speaker != second.speaker).any():
        raise InputError(f"{b}/utt2spk: not the speakers of {a}/utt2spk; score both on one set")
    names = [name for name in METRICS if name in first.values and name in second.values]
    if not names:
        raise InputError(f"{a}, {b}: no metric is in both; score both with the same --metrics")
    pairs = {name: _paired(name, first, second, quiet) for name in names}
    speaker = np.array(first.speakers)[first.speaker]
    return AudioCondition(first.name, {n: pairs[n][0] for n in names}, {n: pairs[n][1] for n in names}, speaker)


def _paired(name: str, first: UtteranceValues, second: UtteranceValues, quiet: bool) -> tuple[np.ndarray, np.ndarray]:
    a, b = first.values[name], second.values[name]
    in_both = np.isfinite(a) & np.isfinite(b)
    if not (quiet or in_both.all()):
        logging.warning(
            "%s: %s is compared on %d of %d utterances: the others have no finite value in A (%d) or B (%d)",
            *(
                first.name,
                METRICS[name].label,
                in_both.sum(),
                len(in_both),
                (~np.isfinite(a)).sum(),
                (~np.isfinite(b)).sum(),
            ),
        )
    return np.where(in_both, a, np.nan), np.where(in_both, b, np.nan)


def compare_audio_values(
    conditions: Sequence[AudioCondition], resamples: int, level: float, seed: int
) -> dict[str, dict[str, Difference]]:
    """Differences B - A of means, in each condition and, of several, in their mean (``Avg.``).

    All conditions have the same bootstrap samples of all their speakers.
    """
    all_speakers = c_sorted(set().union(*(condition.speaker.tolist() for condition in conditions)))
    number = {spk: i for i, spk in enumerate(all_speakers)}
    pairs = {}
    for condition in conditions:
        speaker = np.array([number[spk] for spk in condition.speaker.tolist()])
        a, b = (resample_means(x, speaker, resamples, seed, len(all_speakers)) for x in (condition.a, condition.b))
        pairs[condition.name] = a, b
    return compare_conditions(pairs, level, len(all_speakers))
