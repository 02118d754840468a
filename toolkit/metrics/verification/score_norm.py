"""Score normalisation with a cohort of other speakers.

The score of enrolment e and test t is shifted by the mean and divided by the standard deviation of cohort scores, the
scores of e and of t against the cohort:

* ``z_norm``: the enrolment's cohort scores; ``t_norm``: the test's (Auckenthaler et al., "Score normalization for
  text-independent speaker verification systems", Digital Signal Processing 10, 2000).
* ``s_norm``: the mean of both (Kenny, "Bayesian speaker verification with heavy-tailed priors", Odyssey 2010).
* ``as_norm``: as s_norm, with only the ``top_n`` highest cohort scores of each side (Cumani et al., "Comparison of
  speaker recognition approaches for real applications", Interspeech 2011; "adaptive S-norm 1" in Matějka et al.,
  "Analysis of score normalization in multilingual speaker recognition", Interspeech 2017).
"""

import numpy as np

METHODS = ("z_norm", "t_norm", "s_norm", "as_norm")
_BLOCK_BYTES = 1 << 24  # of cohort scores, so that they stay in the cache
_STRIDE = 8  # the sample that bounds the highest scores has every eighth cohort score
_LEAST_STD = 1e-6  # of scores of near-unit vectors; below it all scores are equal


def cohort_statistics(vectors, cohort: np.ndarray, top_n: int | None = None) -> np.ndarray:
    """Mean and standard deviation of the (highest) cohort scores of each vector.

    Memory is bounded: one block of vectors at a time is scored against the cohort. The highest scores are selected, not
    sorted.

    Args:
        vectors: (U, D) vectors: an array, or rows on disk (toolkit.io.stored_rows).
        cohort: (C, D) vectors; a score is the dot product.
        top_n: number of highest scores to use; None or C: all.

    Returns:
        (2, U) float64: means, and standard deviations (divided by n, not n - 1).
    """
    cohort = np.ascontiguousarray(cohort, dtype=np.float32)
    size = len(cohort)
    top = size if top_n is None else min(top_n, size)
    step = max(1, _BLOCK_BYTES // (4 * size))
    statistics, block = np.empty((2, len(vectors))), np.empty((step, size), np.float32)
    for start in range(0, len(vectors), step):
        part = np.ascontiguousarray(vectors[start : start + step], dtype=np.float32)
        scores = np.matmul(part, cohort.T, out=block[: len(part)])
        if top < size:
            scores = _highest(scores, top)
        mean = scores.mean(1, dtype=np.float64)
        centred = scores - mean.astype(np.float32)[:, None]
        statistics[:, start : start + len(part)] = mean, np.sqrt(np.einsum("ut,ut->u", centred, centred) / top)
    return statistics


def _highest(scores: np.ndarray, top: int) -> np.ndarray:
    """(U, C) -> (U, top) the highest of each row, in any order; ``scores`` may be reordered.

    A sample of each row gives a threshold that slightly more than ``top`` scores reach; only these are examined.
    """
    size, expected = scores.shape[1], top / _STRIDE
    rank = (
        int(expected + 4 * np.sqrt(expected)) + 1
    )  # in the sample; too few scores of the row reach it once in 30,000 rows
    if rank < size // _STRIDE // 2:
        sample = scores[:, ::_STRIDE].copy()
        sample.partition(-rank, axis=1)
        reached = scores >= sample[:, -rank, None]
        counts = np.count_nonzero(reached, axis=1)
        if counts.min() >= top:
            few = np.full((len(scores), counts.max()), -np.inf, dtype=scores.dtype)
            few[np.arange(few.shape[1]) < counts[:, None]] = scores[reached]
            scores = few
    scores.partition(-top, axis=1)
    return scores[:, -top:]


def normalize(scores: np.ndarray, method: str, enroll: np.ndarray | None, test: np.ndarray | None) -> np.ndarray:
    """Normalise scores.

    Args:
        scores: (N,) scores of the trials.
        method: one of ``METHODS``.
        enroll: (2, N) cohort statistics of each trial's enrolment; None for t_norm.
        test: (2, N) cohort statistics of each trial's test; None for z_norm.

    Returns:
        (N,) float64.

    Raises:
        ValueError: a standard deviation is zero (a cohort of one or of equal vectors), or the method is unknown.
    """
    if method not in METHODS:
        raise ValueError(f"unknown score normalisation {method!r}; must be one of {', '.join(METHODS)}")
    sides = [side for side, without in ((enroll, "t_norm"), (test, "z_norm")) if side is not None and method != without]
    if any((std <= _LEAST_STD).any() for _, std in sides):
        raise ValueError("some cohort scores do not differ")
    total = np.zeros(len(scores))
    for mean, std in sides:
        total += (scores - mean) / std
    return total / len(sides)
