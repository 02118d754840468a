import numpy as np
import pytest

from toolkit.metrics.verification.vectors import dot_scores, neg_euclidean_scores, sums_by_owner, unit

RNG = np.random.default_rng(0)


def test_unit_rows_have_length_one_and_zero_stays():
    rows = unit(np.array([[3.0, 4.0], [0.0, 0.0]]))
    assert rows.tolist() == [[0.6, 0.8], [0.0, 0.0]]


@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1e-12, 1e12, 1e30, 3e38])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unit_rows_of_any_level(scale, dtype):
    rows = np.array([[0.6, 0.8, 0], [0, 0, 0], [-1, 0, 0]]) * scale
    expected = [[0.6, 0.8, 0], [0, 0, 0], [-1, 0, 0]]
    tolerance = 0.2 if scale < 1e-40 and dtype is np.float32 else 1e-6  # float32 has a few bits there
    np.testing.assert_allclose(unit(rows.astype(dtype)), expected, atol=tolerance)
    ordinary = np.random.default_rng(0).standard_normal((3, 5)).astype(dtype)
    beside = np.concatenate([ordinary, np.full((1, 5), scale, dtype)])
    np.testing.assert_array_equal(unit(beside)[:3], unit(ordinary))


def test_sums_by_owner_worked_by_hand():
    rows = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    assert sums_by_owner(rows, np.array([2, 1])).tolist() == [[4, 6], [5, 6]]


@pytest.mark.parametrize("block", [1, 100, 1 << 24])
def test_dot_scores_of_any_block_size(monkeypatch, block):
    monkeypatch.setattr("toolkit.metrics.verification.vectors._BLOCK_BYTES", block)
    enroll, test = (RNG.normal(size=(n, 6)).astype(np.float32) for n in (5, 7))
    i, j = RNG.integers(5, size=40), RNG.integers(7, size=40)
    expected = [enroll[a] @ test[b] for a, b in zip(i, j, strict=True)]
    assert dot_scores(enroll, test, i, j) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("block", [1, 500, 1 << 24])
def test_neg_euclidean_is_the_mean_over_all_pairs(monkeypatch, block):
    monkeypatch.setattr("toolkit.metrics.verification.vectors._BLOCK_BYTES", block)
    counts = np.array([1, 3, 2, 3, 1])
    rows = unit(RNG.normal(size=(counts.sum(), 4)).astype(np.float32))
    first = np.cumsum(counts) - counts
    sides = [rows[f : f + n] for f, n in zip(first, counts, strict=True)]
    e, t = RNG.integers(5, size=60), RNG.integers(5, size=60)
    expected = [
        -np.mean([np.linalg.norm(a - b) for a in sides[i] for b in sides[j]]) for i, j in zip(e, t, strict=True)
    ]
    actual = neg_euclidean_scores(rows, (first[e], counts[e]), (first[t], counts[t]))
    assert actual == pytest.approx(
        expected, abs=1e-3
    )  # float32: the distance of a vector from itself is the root of rounding


def test_neg_euclidean_of_opposite_vectors():
    rows, one = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], np.float32), np.ones(2, dtype=int)
    actual = neg_euclidean_scores(rows, (np.array([0, 0]), one), (np.array([1, 2]), one))
    assert actual == pytest.approx([-2, -np.sqrt(2)])


def test_no_trials():
    none = np.empty(0, dtype=int)
    assert len(neg_euclidean_scores(np.ones((1, 2)), (none, none), (none, none))) == 0
    assert len(dot_scores(np.ones((1, 2)), np.ones((1, 2)), none, none)) == 0
