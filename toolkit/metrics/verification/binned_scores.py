"""Scores of huge trial lists, counted in bins, for exact error rates without a sort.

Equal error rate and minimum detection cost depend on few of the scores: those about the crossing and those about the
optimum. One pass counts scores in thousands of narrow bins; what is known at the bins' edges rules nearly all of them
out, and only the scores in the others are sorted. The values are bit for bit those of a whole sort: they are the same
quotients of the same counts.
"""

import numpy as np

_BINS = 1 << 16
_CHUNK = 1 << 18  # scores; what is made of a chunk stays in the cache
_SAMPLE = 1 << 12


class BinnedScores:
    """Target and nontarget scores, counted in bins of equal width; the outer bins hold what lies beyond.

    Args:
        target: (T,) scores, T > 0.
        nontarget: (N,) scores, N > 0.

    Attributes:
        sizes: T and N.
        below: (2, bins + 1) how many targets, and how many nontargets, lie below each edge.

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
        """Sort the scores of some bins: ``(below, up_to)`` of the K target scores there, rising, each (2, K) int.

        ``below``: how many targets, and how many nontargets, of the whole list lie below the score; ``up_to``: below or
        at it.
        """
        is_inside = np.zeros(_BINS, dtype=bool)
        is_inside[list(bins)] = True
        sorted_scores = [
            np.sort(np.concatenate([x[is_inside[b]] for x, b in zip(_chunks(scores), _chunks(places), strict=True)]))
            for scores, places in zip(self._scores, self._bins, strict=True)
        ]
        # Of what lies in the bins below a score's own, the search does not see what lies in unwanted ones.
        unseen = self.below[:, :-1] - np.cumsum(self._counts * is_inside, axis=1) + self._counts * is_inside
        unseen = np.repeat(unseen[:, is_inside], self._counts[0, is_inside], axis=1)
        below, up_to = (
            unseen + np.stack([np.searchsorted(scores, sorted_scores[0], side) for scores in sorted_scores])
            for side in ("left", "right")
        )
        return below, up_to


def _bins(scores: np.ndarray, kind: str, low: float, scale: float) -> np.ndarray:
    """The bin of each score. Rounding keeps the order of numbers, so that bins part scores as thresholds do."""
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
