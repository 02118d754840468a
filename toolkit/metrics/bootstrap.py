"""Confidence intervals of verification metrics by resampling speakers.

Trials are not independent: one speaker stands in many, and a hard speaker makes all of them hard. Intervals from
resampled trials are therefore too narrow. Here the *speakers* are drawn with replacement, the same draw for both
sides of the trials, and every trial follows its speakers: a speaker drawn c times brings its target trials c times, and
a nontarget trial of speakers a and b counts c_a * c_b times.

EER gets the percentile interval. A minDCF is a minimum over thresholds, so that on a resample it comes out lower than
it should, as it already did on the sample; the percentile interval would inherit that twice and hold the truth far too
seldom. It gets the basic interval, which reflects the draws about the value, (2 value - upper quantile, 2 value - lower
quantile), widened to hold the value and kept within [0, 1]. It cannot mend a list that is too short: with a few
thousand nontarget trials minDCF(0.01) rests on a handful of false alarms, and its interval is too narrow.

Sources: Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004
(resample what is independent; percentile interval); Davison and Hinkley, "Bootstrap methods and their application",
1997, section 5.2 (basic interval); Poh, Martin and Bengio, "Performance generalization in biometric
authentication using joint user-specific and sample bootstraps", IEEE TPAMI 29(3), 2007 (users as the resampled unit);
Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007 (product weights for crossed factors; they err
on the wide side).
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from toolkit.metrics.verification import ScoreSweep, metrics_of

METHOD = "percentile (EER), basic (minDCF)"
_MAX_LOST = 0.5  # of the resamples; beyond that no interval is claimed


def bootstrap_verification(
    scores,
    is_target,
    enroll_spk_index,
    test_spk_index,
    p_targets: Sequence[float] = (0.01, 0.05),
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    progress: Callable[[Iterable], Iterable] = iter,
) -> dict[str, tuple[float, float, float]]:
    """EER and minDCFs with intervals by resampled speakers (see the module's text).

    Memory stays at a few arrays of the number of trials; time is linear in trials * resamples.

    Args:
        scores: (N,) scores, higher = more alike.
        is_target: (N,) bool.
        enroll_spk_index: (N,) integer speaker of the enrolment, in [0, S). The draws depend on ``seed`` and this
            numbering alone, so that systems scored on the same trials meet the same resamples.
        test_spk_index: (N,) integer speaker of the test utterance, by the same numbering.
        p_targets: target priors of the minDCFs.
        resamples: number of draws.
        level: of the interval, in (0, 1).
        seed: of the draws.
        progress: wraps the iterable over the draws, e.g. ``tqdm.tqdm``.

    Returns:
        ``{"eer": (value, low, high), "min_dcf_0.01": ..., ...}``, rates in [0, 1]. A draw that leaves no target or no
        nontarget trial is left out; where that befalls more than half of them (one or two speakers), low and high
        are NaN.

    Raises:
        ValueError: lengths differ, a kind of trial is missing, scores are not finite, an index is negative, ``level``
            is out of (0, 1), or a trial's label contradicts its speakers.
    """
    scores, is_target, enroll, test = _checked(scores, is_target, enroll_spk_index, test_spk_index, level)
    sweep, *speakers = _sorted_trials(scores, is_target, enroll, test)
    point = metrics_of(sweep.rates(), p_targets)
    rng = np.random.default_rng(seed)
    drawn = list(_draws(sweep, *speakers, p_targets, rng, progress(range(resamples))))
    quantiles = _quantiles(np.reshape(drawn, (-1, len(point))), resamples, level)
    return {name: _interval(name, point[name], *pair) for name, pair in zip(point, quantiles, strict=True)}


def _draws(sweep, target_spk, nontarget_enroll, nontarget_test, p_targets, rng, numbers) -> Iterator[list[float]]:
    """The metrics of each draw of speakers that leaves trials of both kinds."""
    everyone = np.concatenate([target_spk, nontarget_enroll, nontarget_test])
    speakers, size = np.unique(everyone), 1 + int(everyone.max())
    for _ in numbers:
        counts = np.bincount(rng.choice(speakers, size=len(speakers)), minlength=size)
        target_weights = counts[target_spk]
        nontarget_weights = counts[nontarget_enroll] * counts[nontarget_test]
        if target_weights.any() and nontarget_weights.any():
            yield list(metrics_of(sweep.rates(target_weights, nontarget_weights), p_targets).values())


def _checked(scores, is_target, enroll, test, level: float) -> tuple[np.ndarray, ...]:
    scores, is_target, enroll, test = (np.asarray(x) for x in (scores, is_target, enroll, test))
    if not scores.shape == is_target.shape == enroll.shape == test.shape == (scores.size,):
        raise ValueError("scores, is_target and the speaker indices must be 1-D and of one length")
    if not 0 < level < 1:
        raise ValueError(f"level={level} must lie in (0, 1)")
    if scores.size and min(enroll.min(), test.min()) < 0:
        raise ValueError("speaker indices must not be negative")
    is_target = is_target.astype(bool)
    odd = np.flatnonzero(is_target != (enroll == test))
    if odd.size:
        raise ValueError(f"trial {odd[0]}: its label contradicts its speakers ({odd.size} such trials)")
    return scores, is_target, enroll, test


def _sorted_trials(scores, is_target, enroll, test) -> tuple[ScoreSweep, np.ndarray, np.ndarray, np.ndarray]:
    """The sweep, and the speakers of its target and nontarget trials in its order."""
    target, nontarget = np.flatnonzero(is_target), np.flatnonzero(~is_target)
    target = target[np.argsort(scores[target])]
    nontarget = nontarget[np.argsort(scores[nontarget])]
    return ScoreSweep(scores[target], scores[nontarget]), enroll[target], enroll[nontarget], test[nontarget]


def _quantiles(drawn: np.ndarray, resamples: int, level: float) -> np.ndarray:
    """(R, M) metrics of the usable draws -> (M, 2) their lower and upper quantile."""
    lost = resamples - len(drawn)
    if not len(drawn) or lost > _MAX_LOST * resamples:
        logging.warning("no interval: %d of %d resamples lack a kind of trial", lost, resamples)
        return np.full((drawn.shape[1], 2), np.nan)
    if lost:
        logging.warning("%d of %d resamples lack a kind of trial and are left out", lost, resamples)
    return np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0).T


def _interval(name: str, value: float, lower: float, upper: float) -> tuple[float, float, float]:
    if name == "eer" or np.isnan(lower):
        return value, float(lower), float(upper)
    return value, max(0.0, min(value, float(2 * value - upper))), min(1.0, max(value, float(2 * value - lower)))
