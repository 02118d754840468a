"""Two systems' scores of the same trials, compared on the same bootstrap samples of speakers. Loads no torch."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.io.datadir import c_sorted, read_table
from toolkit.io.enrolment import read_enroll2utt, sides_of
from toolkit.io.errors import InputError
from toolkit.io.scores import Scores, read_scores, scores_of
from toolkit.io.trials import Trials
from toolkit.metrics.statistics.bootstrap import resample_verification
from toolkit.metrics.statistics.paired import Difference
from toolkit.metrics.verification.registry import P_TARGETS
from toolkit.tasks.paired_comparison import compare_conditions


@dataclass(frozen=True)
class Condition:
    """Scores of two systems for one trial list.

    Attributes:
        name: of the set.
        a: (N,) scores of system A.
        b: (N,) of system B.
        is_target: (N,) bool.
        enroll: names of the speakers of the N enrolments.
        test: of the N tests.
    """

    name: str
    a: np.ndarray
    b: np.ndarray
    is_target: np.ndarray
    enroll: np.ndarray
    test: np.ndarray


def load_condition(a, b, utt2spk, enroll2utt=None) -> Condition:
    """Read the scores.txt of two folders; the labels come from the speakers.

    Raises:
        InputError: a file is bad, the folders hold scores of other trials, an id has no speaker, or there are no trials
            of a kind.
    """
    paths = [Path(folder) / "scores.txt" for folder in (a, b)]
    first, second = (read_scores(path) for path in paths)
    sides = sides_of(_unlabelled(first), None if enroll2utt is None else read_enroll2utt(enroll2utt), str(enroll2utt))
    speakers = np.array(sides.speakers(read_table(utt2spk), str(utt2spk)))
    enroll, test = speakers[sides.enroll], speakers[sides.test]
    is_target = enroll == test
    if is_target.all() or not is_target.any():
        raise InputError(
            f"{paths[0]}: all trials are of one kind by {utt2spk}; error rates need targets and nontargets"
        )
    other = scores_of(_unlabelled(first), second, str(paths[1]), str(paths[0]))
    if Path(a).name != Path(b).name:
        logging.warning("%s and %s hold the same trials but are of sets of other names; are they meant?", a, b)
    return Condition(Path(a).name, first.scores, other, is_target, enroll, test)


def _unlabelled(scores: Scores) -> Trials:
    return Trials(scores.ids, scores.enroll, scores.test, np.zeros(len(scores.scores), dtype=bool))


def compare_systems(
    conditions: Sequence[Condition], resamples: int, level: float, seed: int, progress: Callable[[Iterable], Iterable]
) -> dict[str, dict[str, Difference]]:
    """Differences B - A in EER and minDCF of each condition and, of several, of their mean (``Avg.``).

    All conditions have the same bootstrap samples of all their speakers.
    """
    all_speakers = c_sorted(set().union(*(np.unique(side).tolist() for c in conditions for side in (c.enroll, c.test))))
    number = {spk: i for i, spk in enumerate(all_speakers)}
    pairs = {}
    for condition in conditions:
        names, places = np.unique(np.stack([condition.enroll, condition.test]), return_inverse=True)
        enroll, test = np.array([number[name] for name in names.tolist()])[places.reshape(2, -1)]
        options = P_TARGETS, resamples, seed, progress, None, np.arange(len(all_speakers))
        a, b = (
            resample_verification(x, condition.is_target, enroll, test, *options) for x in (condition.a, condition.b)
        )
        pairs[condition.name] = a, b
    return compare_conditions(pairs, level, len(all_speakers))
