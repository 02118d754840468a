"""Error rates of a calibration on speakers that it was not fitted on.

Speakers are split into folds. A trial gets its LLR from a calibration that is fitted without the folds of its two
speakers, so no speaker is on both sides. With F folds these are F (F + 1) / 2 fits.
"""

import numpy as np

from toolkit.metrics.statistics.bootstrap import Resamples
from toolkit.metrics.verification.calibration import fit_calibration

FOLDS = 5
FEWEST_SPEAKERS = 4  # with target trials; two are left where two folds are out


def cross_validated_llrs(scores, is_target, enroll, test, p_target: float, seed: int = 0) -> np.ndarray | None:
    """LLRs (N,) of trials, each by a calibration without its speakers; None for fewer than four speakers with targets.

    Args:
        scores: (N,) scores.
        is_target: (N,) bool.
        enroll, test: (N,) integer speakers of the two sides.
        p_target: target prior of the fits.
        seed: of the folds.
    """
    with_targets = np.unique(enroll[is_target])
    if len(with_targets) < FEWEST_SPEAKERS:
        return None
    others = np.setdiff1d(np.union1d(enroll, test), with_targets)
    rng, folds = np.random.default_rng(seed), min(FOLDS, len(with_targets))
    order = np.concatenate([rng.permutation(with_targets), rng.permutation(others)])
    fold_of = np.zeros(1 + order.max(), int)
    fold_of[order] = np.arange(len(order)) % folds
    a, b = fold_of[enroll], fold_of[test]
    llrs = np.empty(len(scores))
    for first in range(folds):
        for second in range(first, folds):
            fitted = ~(np.isin(a, (first, second)) | np.isin(b, (first, second)))
            own = ((a == first) & (b == second)) | ((a == second) & (b == first))
            if own.any():
                targets, nontargets = scores[fitted & is_target], scores[fitted & ~is_target]
                if not len(nontargets):
                    return None
                llrs[own] = fit_calibration(targets, nontargets, p_target, quiet=True)(scores[own])
    return llrs


def resample_error_rates(accepted, is_target, enroll, test, resamples: int, seed: int = 0) -> Resamples:
    """``false_rejection`` and ``false_acceptance`` of all trials and of resampled speakers, rates in [0, 1].

    Args:
        accepted, is_target: (N,) bool.
        enroll, test: (N,) integer speakers of the two sides.
        resamples: number of bootstrap samples (R).
        seed: of the samples.
    """
    speakers, index = np.unique([enroll, test], return_inverse=True)
    number, (enroll, test) = len(speakers), index.reshape(2, -1)
    counts = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=resamples)
    values, samples, known = {}, {}, {}
    for name, kind, wrong in (("false_rejection", is_target, ~accepted), ("false_acceptance", ~is_target, accepted)):
        shape, cells = (number, number), (enroll[kind], test[kind])
        errors, trials = np.zeros(shape), np.zeros(shape)
        np.add.at(errors, cells, wrong[kind])
        np.add.at(trials, cells, 1)
        values[name] = float(errors.sum() / trials.sum())
        weighted = [
            (counts * table.diagonal()).sum(1) if kind is is_target else ((counts @ table) * counts).sum(1)
            for table in (errors, trials)
        ]
        with np.errstate(invalid="ignore"):  # a sample without such trials is NaN
            samples[name] = weighted[0] / weighted[1]
        known[name] = len(np.union1d(*cells))
    return Resamples(values, samples, known)
