"""Calibration of scores to log-likelihood ratios, and the cost of miscalibration.

A calibrated score is a natural-log likelihood ratio (LLR): Bayes' rule then gives the decision threshold for every
prior. EER and minDCF do not depend on the calibration; actDCF and Cllr do.

Sources: Brümmer and du Preez, "Application-independent evaluation of speaker detection", Computer Speech and Language
20, 2006 (Cllr, min Cllr); Brümmer et al., "Fusion of heterogeneous speaker recognition systems in the STBU submission
for the NIST speaker recognition evaluation 2006", IEEE TASLP 15(7), 2007 (prior-weighted logistic regression); Platt,
"Probabilistic outputs for support vector machines", 1999 (target values if the classes can be separated).
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from toolkit.metrics.verification.error_rates import Rates, ScoreSweep

_STEPS = 100  # limit for Newton's method, which needs about ten


class Calibration(NamedTuple):
    """``llr = scale * score + offset``, scale >= 0."""

    scale: float
    offset: float

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Scores (N,) -> LLRs (N,) float64."""
        return self.scale * np.asarray(scores, dtype=np.float64) + self.offset


def softplus(x: np.ndarray) -> np.ndarray:
    """``log(1 + exp(x))``."""
    return np.logaddexp(0.0, x)


def fit_calibration(target_scores, nontarget_scores, p_target: float = 0.05, quiet: bool = False) -> Calibration:
    """Fit a calibration by prior-weighted logistic regression.

    Minimises the cross-entropy of the posteriors at the target prior ``p_target``, independent of the share of target
    trials in the list: ``p_target * mean(softplus(-(llr + logit p_target)))`` over targets ``+ (1 - p_target) *
    mean(softplus(llr + logit p_target))`` over nontargets.

    If all targets score above all nontargets, no finite scale is optimal. Then the target posterior, at equal priors,
    is (n + 1) / (n + 2) instead of 1 (Platt), with a warning. If targets do not score higher, the best scale >= 0 is 0.

    Args:
        target_scores: (T,) scores of the target trials of the development set.
        nontarget_scores: (N,) scores of its nontarget trials.
        p_target: target prior for which to optimise the calibration.
        quiet: without warnings.

    Raises:
        ValueError: an array is empty or not finite, the scores are almost equal, or ``p_target`` is out of (0, 1).
    """
    target, nontarget = (np.asarray(x, dtype=np.float64).ravel() for x in (target_scores, nontarget_scores))
    if not (len(target) and len(nontarget) and np.isfinite(target).all() and np.isfinite(nontarget).all()):
        raise ValueError("calibration needs target and nontarget scores, all of them finite")
    if not 0 < p_target < 1:
        raise ValueError(f"p_target={p_target}: must be in (0, 1)")
    aim, warn = (1.0, 0.0), logging.debug if quiet else logging.warning
    if target.min() >= nontarget.max() and target.max() > nontarget.min():
        warn("calibration: target and nontarget scores do not overlap; the scale is a cautious estimate (Platt)")
        aim, p_target = ((len(target) + 1) / (len(target) + 2), 1 / (len(nontarget) + 2)), 0.5
    scores = np.concatenate([target, nontarget])
    exponent = np.frexp(np.abs(scores).max())[1]
    scores = np.ldexp(scores, -exponent)  # exact; the squares of huge scores would be infinite
    shift, width = scores.mean(), scores.std() or 1.0
    parts = [len(target), len(nontarget)]
    weights = np.repeat([p_target / parts[0], (1 - p_target) / parts[1]], parts)
    slope, height = _regress(
        (scores - shift) / width, np.repeat(aim, parts), weights, np.log(p_target / (1 - p_target))
    )
    if slope <= 0:
        warn("calibration: targets score no higher than nontargets; every LLR will be 0")
        return Calibration(0.0, 0.0)
    with np.errstate(over="ignore"):
        fitted = Calibration(float(np.ldexp(slope / width, -exponent)), float(height - slope * shift / width))
    if not np.isfinite(fitted).all():
        raise ValueError("calibration needs scores whose differences are larger; multiply them")
    return fitted


def _regress(x: np.ndarray, aim: np.ndarray, weights: np.ndarray, prior: float) -> np.ndarray:
    """The (slope, offset) that minimise ``sum weights * cross-entropy``, by Newton's method with step halving."""
    design = np.stack([x, np.ones_like(x)])

    def cost(theta: np.ndarray) -> float:
        logit = theta @ design + prior
        return float(weights @ (softplus(logit) - aim * logit))

    theta, now = np.zeros(2), np.inf
    for _ in range(_STEPS):
        posterior = np.exp(-softplus(-(theta @ design + prior)))
        gradient = design @ (weights * (posterior - aim))
        curvature = (design * (weights * posterior * (1 - posterior))) @ design.T
        step = np.linalg.solve(curvature + 1e-12 * np.trace(curvature) * np.eye(2), gradient)
        before, now = now, cost(theta - step)
        while now > cost(theta) and np.abs(step).max() > 1e-12:
            step /= 2
            now = cost(theta - step)
        theta = theta - step
        if np.abs(step).max() < 1e-9 or before == now:
            break
    return theta


def cllr(target_llrs, nontarget_llrs) -> float:
    """Cost of LLRs in bits, mean over all priors: 0 is perfect, 1 uninformative, above 1 misleading.

    ``(mean log2(1 + exp(-llr)) over targets + mean log2(1 + exp(llr)) over nontargets) / 2``.
    """
    target, nontarget = (np.asarray(x, dtype=np.float64) for x in (target_llrs, nontarget_llrs))
    return float((softplus(-target).mean() + softplus(nontarget).mean()) / 2 / np.log(2))


def min_cllr(target_scores, nontarget_scores) -> float:
    """Cllr of the best LLRs that increase with the scores (pool-adjacent-violators); a lower bound for calibrations.

    Raises:
        ValueError: an array is empty or not finite.
    """
    return min_cllr_of(ScoreSweep.of(target_scores, nontarget_scores).rates())


def min_cllr_of(rates: Rates) -> float:
    """As :func:`min_cllr`, from the ROC polyline."""
    from scipy.optimize import isotonic_regression

    # Shares of targets and nontargets at each distinct target score, and of nontargets between two of them.
    masses = np.zeros((2, 2 * len(rates.fnr_at) + 1))
    masses[0, 1::2] = rates.fnr_above - rates.fnr_at
    masses[1, 1::2] = rates.fpr_at - rates.fpr_above
    masses[1, ::2] = np.append(1.0, rates.fpr_above) - np.append(rates.fpr_at, 0.0)
    masses = masses[:, (total := masses.sum(0)) > 0]
    total = total[total > 0]
    posterior = isotonic_regression(masses[0] / total, weights=total).x  # at equal priors, so its logit is the LLR
    odds = np.clip(np.stack([posterior, 1 - posterior]), 0, 1)
    return float(-(masses * np.log2(odds, out=np.zeros_like(odds), where=odds > 0)).sum() / 2)


def bayes_threshold(p_target: float) -> float:
    """The LLR threshold for acceptance, at costs of 1: ``log((1 - p) / p)``."""
    return float(np.log((1 - p_target) / p_target))


def posterior(llr: float, p_target: float) -> float:
    """The probability of one speaker by Bayes' rule: ``1 / (1 + exp(-(llr + logit p_target)))``.

    Example::

        posterior(0.0, 0.05)  # an LLR of 0 tells nothing: 0.05
    """
    return float(np.exp(-softplus(np.array(bayes_threshold(p_target) - llr))))


def act_dcf(target_llrs, nontarget_llrs, p_target: float) -> float:
    """Normalised detection cost at the Bayes threshold for LLRs; the formula is that of minDCF."""
    threshold = bayes_threshold(p_target)
    fnr, fpr = np.mean(np.asarray(target_llrs) < threshold), np.mean(np.asarray(nontarget_llrs) >= threshold)
    return act_dcf_of(float(fnr), float(fpr), p_target)


def act_dcf_of(fnr: float, fpr: float, p_target: float) -> float:
    """As :func:`act_dcf`, from the two error rates."""
    return (p_target * fnr + (1 - p_target) * fpr) / min(p_target, 1 - p_target)


def calibration_metrics(target_llrs, nontarget_llrs, p_targets: Sequence[float] = (0.01, 0.05)) -> dict[str, float]:
    """``{"act_dcf_<p>": ..., "cllr": ..., "min_cllr": ...}``."""
    values = {f"act_dcf_{p:g}": act_dcf(target_llrs, nontarget_llrs, p) for p in p_targets}
    return values | {"cllr": cllr(target_llrs, nontarget_llrs), "min_cllr": min_cllr(target_llrs, nontarget_llrs)}
