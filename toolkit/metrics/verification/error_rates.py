"""Error rates of speaker verification: equal error rate, minimum detection cost, DET curve.

A trial is accepted if its score is at or above the threshold. FNR (miss rate) is the share of rejected target trials,
FPR (false alarm rate) the share of accepted nontarget trials. Trials of equal score are accepted or rejected together.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from toolkit.metrics.verification.binned_scores import BinnedScores

_LONG = 200_000  # number of trials above which binning is faster than sorting


class Rates(NamedTuple):
    """The ROC polyline at the K distinct target scores in ascending order: each (K,) float64.

    Between two target scores FNR is constant and the polyline is straight, so these 2 K points are all its corners,
    except for its ends, (FPR, FNR) = (1, 0) and (0, 1).
    """

    fpr_at: np.ndarray  # threshold at the score: trials of this score are accepted
    fnr_at: np.ndarray
    fpr_above: np.ndarray  # threshold just above: trials of this score are rejected
    fnr_above: np.ndarray

    def eer(self) -> float:
        """The rate at which the polyline meets FPR = FNR."""
        k = self._crossing()
        at, above = self.fnr_at[k] - self.fpr_at[k], self.fnr_above[k] - self.fpr_above[k]
        if at >= 0:  # on the segment to this score, where FNR is constant
            return float(self.fnr_at[k])
        return float(self.fnr_at[k] - at / (above - at) * (self.fnr_above[k] - self.fnr_at[k]))

    def _crossing(self) -> int:
        """Index of the first distinct target score just above which FNR >= FPR; true at least for the last."""
        return int(np.argmax(self.fnr_above >= self.fpr_above))

    def min_dcf(self, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
        """Minimum cost over all thresholds; see :func:`min_dcf`."""
        if not 0 < p_target < 1 or c_miss <= 0 or c_fa <= 0:
            raise ValueError(f"p_target={p_target} must be in (0, 1), c_miss={c_miss} and c_fa={c_fa} above 0")
        miss, false_alarm = p_target * c_miss, (1 - p_target) * c_fa
        # Rejecting all trials costs `miss`; any other threshold is no better than the next target score above it.
        least = min(miss, float(np.min(miss * self.fnr_at + false_alarm * self.fpr_at)))
        return least / min(miss, false_alarm)


class ScoreSweep:
    """Sweep over all thresholds of one set of scores: sorted once, then cheap rates for any weights of the trials.

    Args:
        target_scores: (T,) sorted scores of the target trials.
        nontarget_scores: (N,) sorted scores of the nontarget trials.

    Raises:
        ValueError: an array is empty or holds NaN or infinity.
    """

    def __init__(self, target_scores: np.ndarray, nontarget_scores: np.ndarray):
        for kind, scores in (("target", target_scores), ("nontarget", nontarget_scores)):
            if not len(scores):
                raise ValueError(f"no {kind} trials: error rates need both kinds")
            if not np.isfinite(scores[[0, -1]]).all():  # sorted: NaN and infinity are at the ends
                raise ValueError(f"{kind} scores hold NaN or infinity")
        first = np.flatnonzero(np.concatenate([[True], target_scores[1:] != target_scores[:-1]]))
        self.nontarget_scores = nontarget_scores
        self.thresholds = target_scores[first]  # (K,)
        # Number of trials below each threshold, and at or below it.
        self._targets = first, np.append(first[1:], len(target_scores))
        below = np.searchsorted(nontarget_scores, self.thresholds)
        tied = np.flatnonzero(nontarget_scores[np.minimum(below, len(nontarget_scores) - 1)] == self.thresholds)
        up_to = below.copy()
        up_to[tied] = np.searchsorted(nontarget_scores, self.thresholds[tied], side="right")
        self._nontargets = below, up_to

    @classmethod
    def of(cls, target_scores, nontarget_scores) -> "ScoreSweep":
        """As the constructor, for unsorted scores."""
        return cls(np.sort(np.asarray(target_scores).ravel()), np.sort(np.asarray(nontarget_scores).ravel()))

    def rates(self, target_weights: np.ndarray | None = None, nontarget_weights: np.ndarray | None = None) -> Rates:
        """The ROC polyline of weighted trials.

        Args:
            target_weights: (T,) >= 0, in the order of the sorted scores; None: all 1.
            nontarget_weights: (N,), as target_weights.
        """
        fnr_at, fnr_above = self._share_below(*self._targets, target_weights, self._targets[1][-1])
        below, up_to = self._share_below(*self._nontargets, nontarget_weights, len(self.nontarget_scores))
        return Rates(1 - below, fnr_at, 1 - up_to, fnr_above)

    @staticmethod
    def _share_below(left: np.ndarray, right: np.ndarray, weights: np.ndarray | None, size: int):
        if weights is None:
            return left / size, right / size
        total = np.zeros(size + 1, dtype=np.result_type(weights, np.int64))
        np.cumsum(weights, out=total[1:])
        if not total[-1] > 0:
            raise ValueError("all weights are zero")
        return total[left] / total[-1], total[right] / total[-1]

    def eer(self) -> tuple[float, float]:
        """``(eer, threshold)``; see :func:`eer`."""
        rates = self.rates()
        value, k = rates.eer(), rates._crossing()
        size = len(self.nontarget_scores)
        j = round(size * (1 - value))  # accepting from the j-th nontarget score upwards gives FPR = EER
        at_target = rates.fnr_at[k] < rates.fpr_at[k] or j >= self._nontargets[0][k]
        return value, float(self.thresholds[k] if at_target else self.nontarget_scores[j])


def eer(target_scores, nontarget_scores) -> tuple[float, float]:
    """Equal error rate: the point FPR = FNR on the ROC, as a polyline through its points.

    Other tools use the threshold with the closest FPR and FNR, and report one of them or their mean. Without ties this
    differs by less than one trial.

    Args:
        target_scores: (T,) scores of the target trials, higher = more similar.
        nontarget_scores: (N,) scores of the nontarget trials.

    Returns:
        ``(eer, threshold)``: the rate in [0, 1], and the score at which FPR and FNR are closest to it.

    Raises:
        ValueError: an array is empty or holds NaN or infinity.
    """
    return ScoreSweep.of(target_scores, nontarget_scores).eer()


def min_dcf(target_scores, nontarget_scores, p_target: float, c_miss: float = 1.0, c_fa: float = 1.0) -> float:
    """Minimum normalised detection cost (NIST SRE 2008 and later evaluation plans).

    ``min_t [c_miss FNR(t) p_target + c_fa FPR(t) (1 - p_target)] / min(c_miss p_target, c_fa (1 - p_target))``. A
    system that ignores the audio costs 1.

    Args:
        target_scores: (T,) scores of the target trials.
        nontarget_scores: (N,) scores of the nontarget trials.
        p_target: prior probability of a target trial, e.g. 0.01 or 0.05.
        c_miss: cost of a rejected target.
        c_fa: cost of an accepted nontarget.

    Raises:
        ValueError: an array is empty or not finite, or a parameter is out of its range.
    """
    return ScoreSweep.of(target_scores, nontarget_scores).rates().min_dcf(p_target, c_miss, c_fa)


def det_points(target_scores, nontarget_scores, max_points: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Points of the DET curve (Martin et al., "The DET curve in assessment of detection task performance", 1997).

    Returns:
        ``(fpr, fnr)``, each (P,) float64 with P <= max_points, FPR falling and FNR rising. All are true points of the
        curve, evenly spaced on the axes of a DET plot.

    Raises:
        ValueError: an array is empty or not finite.
    """
    return _thin(ScoreSweep.of(target_scores, nontarget_scores).rates(), max_points)


def _thin(rates: Rates, max_points: int) -> tuple[np.ndarray, np.ndarray]:
    """Up to ``max_points`` corners, evenly spaced along the curve, by bisection (there can be millions)."""
    last = 2 * len(rates.fpr_at) - 1  # the corners: at and above the first score, at and above the second, ...
    margin = 0.25 / (last + 1)

    def corner(i: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        k, above = i // 2, i % 2 == 1
        return (
            np.where(above, rates.fpr_above[k], rates.fpr_at[k]),
            np.where(above, rates.fnr_above[k], rates.fnr_at[k]),
        )

    def place(i: np.ndarray) -> np.ndarray:  # rises along the curve; the logit approximates the probit of DET axes
        fpr, fnr = (np.clip(rate, margin, 1 - margin) for rate in corner(i))
        return np.log(fnr / (1 - fnr)) - np.log(fpr / (1 - fpr))

    begin, end = place(np.array([0, last]))
    marks = np.linspace(begin, end, max_points)
    low, high = np.zeros(max_points, dtype=int), np.full(max_points, last)
    for _ in range(last.bit_length()):
        middle = (low + high) // 2
        before = place(middle) < marks
        low, high = np.where(before, middle + 1, low), np.where(before, high, middle)
    return corner(np.unique(np.append(0, np.minimum(high, last)))[-max_points:])


def verification_metrics(
    target_scores, nontarget_scores, p_targets: Iterable[float] = (0.01, 0.05)
) -> dict[str, float]:
    """EER and all minDCFs at once: ``{"eer": ..., "min_dcf_0.01": ..., ...}``, EER in [0, 1].

    Long lists are not fully sorted (see :mod:`toolkit.metrics.verification.binned_scores`); the values are the same.

    Raises:
        ValueError: an array is empty or not finite.
    """
    target, nontarget = np.asarray(target_scores).ravel(), np.asarray(nontarget_scores).ravel()
    if min(len(target), len(nontarget)) == 0 or len(target) + len(nontarget) < _LONG:
        return metrics_of(ScoreSweep.of(target, nontarget).rates(), p_targets)
    binned = BinnedScores(target, nontarget)
    values = {"eer": _binned_eer(binned)}
    return values | {f"min_dcf_{p:g}": _binned_min_dcf(binned, p) for p in p_targets}


def _rates_of(at: np.ndarray, above: np.ndarray, sizes: tuple[int, int]) -> Rates:
    """Rates from (2, K) numbers of targets and of nontargets below, and at or below, K scores."""
    return Rates(1 - at[1] / sizes[1], at[0] / sizes[0], 1 - above[1] / sizes[1], above[0] / sizes[0])


def _binned_eer(binned: BinnedScores) -> float:
    edges = _rates_of(binned.below, binned.below, binned.sizes)
    edge = edges._crossing()  # of the bin with the crossing FPR = FNR
    rates = _rates_of(*binned.inside(edge - 1), binned.sizes)
    if (rates.fnr_above >= rates.fpr_above).any():
        return rates.eer()
    return float(edges.fnr_at[edge])  # above the last target score of the bin, where FNR is constant


def _binned_min_dcf(binned: BinnedScores, p_target: float) -> float:
    edges = _rates_of(binned.below, binned.below, binned.sizes)
    # Rates at an edge are exact; inside a bin each rate is at least its smaller value at the two edges.
    reached = edges.min_dcf(p_target)
    miss, false_alarm = p_target, 1 - p_target
    least = (miss * edges.fnr_at[:-1] + false_alarm * edges.fpr_at[1:]) / min(miss, false_alarm)
    rates = _rates_of(*binned.inside(*np.flatnonzero(least <= reached)), binned.sizes)
    return rates.min_dcf(p_target) if len(rates.fnr_at) else reached


def metrics_of(rates: Rates, p_targets: Iterable[float]) -> dict[str, float]:
    """``{"eer": ..., "min_dcf_<p>": ...}`` from one ROC polyline."""
    return {"eer": rates.eer()} | {f"min_dcf_{p:g}": rates.min_dcf(p) for p in p_targets}
