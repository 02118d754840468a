"""Scores of trials from embeddings.

A *side* of a trial is an utterance, or an enrolment model of several utterances. It owns rows of a matrix of unit
vectors: one per utterance, or one per segment.
"""

import numpy as np

from toolkit.io.stored_rows import StoredRows

_SMALL = 1e-15  # length of a vector whose squares float32 holds with all digits
_BLOCK_BYTES = 1 << 24  # of gathered rows, so that they stay in the cache


def sums_by_owner(rows: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sums of consecutive rows: rows (R, D), counts (S,) > 0 that add up to R -> (S, D)."""
    return np.add.reduceat(rows, np.cumsum(counts) - counts, axis=0)


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows (..., D) scaled to length 1; zero rows are unchanged."""
    norms = _norms(rows)
    if not ((norms > _SMALL) & (norms < 1 / _SMALL)).all():  # squares of float32 may be zero or infinite
        exponents = np.frexp(np.abs(rows).max(-1, keepdims=True, initial=0))[1]
        rows = np.ldexp(rows, -exponents)  # exact
        norms = _norms(rows)
    return rows / np.where(norms > 0, norms, 1)


def _norms(rows: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        return np.sqrt(np.einsum("...d,...d->...", rows, rows))[..., None]


def dot_scores(enroll, test, enroll_row: np.ndarray, test_row: np.ndarray) -> np.ndarray:
    """Dot products of pairs of rows.

    For unit vectors these are cosines. For means of unit vectors they are mean cosines: the mean over all pairs of
    segments of both sides equals the dot product of the means.

    Args:
        enroll: (E, D) vectors: an array, or rows on disk (toolkit.io.stored_rows).
        test: (T, D) vectors, possibly the same.
        enroll_row: (N,) row of each trial's enrolment.
        test_row: (N,) row of each trial's test utterance.

    Returns:
        (N,) float32.
    """
    scores = np.empty(len(enroll_row), dtype=np.float32)
    if isinstance(test, StoredRows):  # a part of the test side in memory, and its trials in the order of enrolments
        part_of = test_row // test.part_rows
        order = np.argsort(part_of * len(enroll) + enroll_row, kind="stable")
        trials_of_parts = np.split(order, np.cumsum(np.bincount(part_of)))
        for (start, rows), trials in zip(test.parts(), trials_of_parts, strict=False):  # the last parts may have none
            scores[trials] = dot_scores(enroll, rows, enroll_row[trials], test_row[trials] - start)
        return scores
    step = max(1, _BLOCK_BYTES // (8 * enroll.shape[1]))
    for start in range(0, len(scores), step):
        part = slice(start, start + step)
        np.einsum("nd,nd->n", enroll[enroll_row[part]], test[test_row[part]], out=scores[part])
    return scores


def neg_euclidean_scores(
    rows: np.ndarray, enroll: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Negative mean Euclidean distance over all pairs of rows of enrolment and test.

    The score for ten crops per utterance in Chung et al., "In defence of metric learning for speaker recognition",
    Interspeech 2020 (their public trainer), and in systems based on it.

    Args:
        rows: (R, D) unit vectors; those of a side are consecutive.
        enroll: ``(first (N,), count (N,))``, first row and number of rows of each trial's enrolment.
        test: the same for its test.

    Returns:
        (N,) float32 in [-2, 0].
    """
    scores = np.empty(len(enroll[0]), dtype=np.float32)
    shapes = enroll[1].astype(np.int64) << 32 | test[1]
    order = np.argsort(shapes, kind="stable")
    bounds = np.flatnonzero(np.diff(shapes[order])) + 1
    for trials in np.split(order, bounds) if len(order) else []:  # equal numbers of rows on each side
        sizes = int(enroll[1][trials[0]]), int(test[1][trials[0]])
        step = max(1, _BLOCK_BYTES // (4 * sum(sizes) * rows.shape[1]))
        for start in range(0, len(trials), step):
            part = trials[start : start + step]
            a, b = (rows[side[0][part, None] + np.arange(n)] for side, n in zip((enroll, test), sizes, strict=True))
            cosines = np.matmul(a, b.transpose(0, 2, 1))
            # |a - b|^2 = 2 - 2 a.b; by rounding the cosine of equal vectors can exceed 1
            scores[part] = -np.sqrt(np.maximum(2 - 2 * cosines, 0)).mean((1, 2), dtype=np.float64)
    return scores
