import numpy as np
import pytest

from toolkit.metrics.verification.score_norm import METHODS, cohort_statistics, normalize
from toolkit.metrics.verification.vectors import unit

RNG = np.random.default_rng(0)
VECTORS, COHORT = (unit(RNG.normal(size=(n, 8)).astype(np.float32)) for n in (30, 50))


def brute(vector, cohort, top):
    scores = sorted((float(vector.astype(float) @ other.astype(float)) for other in cohort), reverse=True)[:top]
    return np.mean(scores), np.std(scores)


@pytest.mark.parametrize("top", [2, 10, 50, None, 1000])
@pytest.mark.parametrize("block", [1, 1000, 1 << 24])
def test_statistics_are_those_of_the_sorted_scores(monkeypatch, top, block):
    monkeypatch.setattr("toolkit.metrics.verification.score_norm._BLOCK_BYTES", block)
    expected = np.transpose([brute(v, COHORT, top) for v in VECTORS])
    assert cohort_statistics(VECTORS, COHORT, top) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("layout", ["any", "sample high", "sample low", "equal"])
@pytest.mark.parametrize("top", [2, 40, 150])
def test_a_large_cohort_in_any_order(layout, top):
    """The bound that a sample gives may be good or, where the sample is none, useless."""
    cohort = unit(RNG.normal(size=(997, 8)).astype(np.float32))
    if layout == "equal":
        cohort[:] = cohort[:3].repeat(400, axis=0)[:997]
    elif layout != "any":
        order = np.argsort(cohort @ VECTORS[0])
        cohort[::8], rest = cohort[order[-125:] if layout == "sample high" else order[:125]], order
        cohort[np.arange(997) % 8 > 0] = cohort[rest[:872]]
    expected = np.transpose([brute(v, cohort, top) for v in VECTORS])
    assert cohort_statistics(VECTORS, cohort, top) == pytest.approx(expected, abs=1e-6)


def test_small_spread_about_a_large_mean():
    cohort = np.stack([np.ones(100), RNG.normal(0, 1e-3, 100)], axis=1)
    actual = cohort_statistics(np.array([[100.0, 1.0]]), cohort)
    assert actual[1, 0] == pytest.approx((cohort @ [100, 1]).std(), rel=0.02)


def oracle(score, e, t, method, top):
    of_e, of_t = brute(e, COHORT, top), brute(t, COHORT, top)
    z, tn = (score - of_e[0]) / of_e[1], (score - of_t[0]) / of_t[1]
    return {"z_norm": z, "t_norm": tn}.get(method, (z + tn) / 2)


@pytest.mark.parametrize("method", METHODS)
def test_normalised_scores_against_brute_force(method):
    top = 5 if method == "as_norm" else None
    e, t = RNG.integers(30, size=20), RNG.integers(30, size=20)
    scores = np.array([VECTORS[i] @ VECTORS[j] for i, j in zip(e, t, strict=True)])
    statistics = cohort_statistics(VECTORS, COHORT, top)
    actual = normalize(scores, method, statistics[:, e], statistics[:, t])
    expected = [oracle(s, VECTORS[i], VECTORS[j], method, top) for s, i, j in zip(scores, e, t, strict=True)]
    assert actual == pytest.approx(expected, abs=1e-3)


def test_a_side_may_be_scaled():
    """Normalising a side by its own cohort scores undoes its length."""
    scores, statistics = VECTORS @ VECTORS[0], cohort_statistics(VECTORS, COHORT)
    scaled = normalize(3 * scores, "z_norm", cohort_statistics(3 * VECTORS, COHORT), None)
    assert scaled == pytest.approx(normalize(scores, "z_norm", statistics, None), abs=1e-3)


@pytest.mark.parametrize(("method", "message"), [("s_norm", "do not differ"), ("q_norm", "q_norm")])
def test_unusable(method, message):
    statistics = cohort_statistics(VECTORS, np.repeat(COHORT[:1], 10, axis=0))
    with pytest.raises(ValueError, match=message):
        normalize(np.zeros(30), method, statistics, statistics)
