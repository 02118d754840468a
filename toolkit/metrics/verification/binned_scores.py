"""Exact error rates of huge trial lists without sorting all scores.

EER and minDCF depend only on scores near one threshold each. One pass counts the scores in thousands of bins;
the rates at the bin edges rule out nearly all bins, and only the scores in the other bins are sorted. The results
equal those of a full sort bit for bit: they are the same quotients of the same counts.
"""

import numpy as np

_BINS = 1 << 16
_CHUNK = 1 << 18  # scores per chunk, so that its arrays stay in the cache
_SAMPLE = 1 << 12


class BinnedScores:
    """Target and nontarget scores, counted in bins of equal width; the outer bins also hold all scores beyond.

    Args:
        target: (T,) scores, T > 0.
        nontarget: (N,) scores, N > 0.

    Attributes:
        sizes: T and N.
        below: (2, bins + 1) number of targets and of nontargets below each edge.

    Raises:
        ValueError: a score is NaN or infinite.
    """

    def __init__(self, target: np.ndarray, nontarget: np.ndarray):
        self._scores, self.sizes = (target, nontarget), (len(target), len(nontarget))
        sample = np.concatenate([x[:: max(1, len(x) // _SAMPLE)] for x in self._scores]).astype(np.float64)
        low, high = sample.min(), sample.max()
        scale = _BINS / (high - low) if 0 < high - low < np.inf else 0.0
        self._bins = [_bins(x, kind, low, scale) for x, kind in zip(self._scores, ("target", "nontarget"), strict=True)]
        self._counts = np.stack([sum(np.bincount(c, minlength=_BINS) for c in _chunks(bins)) for bins in self._bins])
        self.below = np.concatenate([np.zeros((2, 1), int), np.cumsum(self._counts, axis=1)], axis=1)

    def inside(self, *bins: int) -> tuple[np.ndarray, np.ndarray]:
        """Sort the scores of some bins: ``(below, up_to)`` for the K target scores in them, ascending, each (2, K) int.

        ``below``: number of targets and of nontargets of the whole list below the score; ``up_to``: below it or equal.
        """
        is_inside = np.zeros(_BINS, dtype=bool)
        is_inside[list(bins)] = True
        sorted_scores = [
            np.sort(np.concatenate([x[is_inside[b]] for x, b in zip(_chunks(scores), _chunks(places), strict=True)]))
            for scores, places in zip(self._scores, self._bins, strict=True)
        ]
        # Add the scores of lower bins that were not sorted.
        unseen = self.below[:, :-1] - np.cumsum(self._counts * is_inside, axis=1) + self._counts * is_inside
        unseen = np.repeat(unseen[:, is_inside], self._counts[0, is_inside], axis=1)
        below, up_to = (
            unseen + np.stack([np.searchsorted(scores, sorted_scores[0], side) for scores in sorted_scores])
            for side in ("left", "right")
        )
        return below, up_to


def _bins(scores: np.ndarray, kind: str, low: float, scale: float) -> np.ndarray:
    """The bin of each score. Rounding is monotonic, so bins separate scores as thresholds do."""
    bins = np.zeros(len(scores), np.uint16)
    for part, out in zip(_chunks(scores), _chunks(bins), strict=True):
        if not np.isfinite(part).all():
            raise ValueError(f"{kind} scores hold NaN or infinity")
        if scale:
            place = (part.astype(np.float64) - low) * scale
            out[:] = np.clip(place, 0, _BINS - 1, out=place).astype(np.int32)
    return bins


def _chunks(array: np.ndarray):
    return (array[start : start + _CHUNK] for start in range(0, len(array), _CHUNK))
