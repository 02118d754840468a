"""Error rates without a sort are bit for bit those of a whole sort."""

import numpy as np
import pytest

from toolkit.metrics.verification.binned_scores import BinnedScores
from toolkit.metrics.verification.error_rates import ScoreSweep, metrics_of, verification_metrics

P_TARGETS = (0.001, 0.01, 0.05, 0.5, 0.99)


def whole(target, nontarget):
    return metrics_of(ScoreSweep.of(target, nontarget).rates(), P_TARGETS)


def draw(kind, seed):
    rng = np.random.default_rng(seed)
    target, nontarget = rng.normal(rng.uniform(-0.5, 4), 1, 300 + seed), rng.normal(0, 1, 200 + 37 * seed)
    change = {
        "plain": lambda x: x,
        "float32": lambda x: x.astype(np.float32),
        "ties": lambda x: x.round(1),
        "few values": lambda x: x.round(0),
        "one value": lambda x: 0 * x + 0.25,
        "outlier": lambda x: np.append(x, [1e9, -1e9]),
        "huge": lambda x: np.append(1e300 * x, [1.7e308, -1.7e308]),
        "apart": lambda x: x + 100 * (x is target),
        "reversed": lambda x: -x,
        "integers": lambda x: (5 * x).astype(int),
    }[kind]
    return change(target), change(nontarget)


KINDS = ("plain", "float32", "ties", "few values", "one value", "outlier", "huge", "apart", "reversed", "integers")


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bins", [1, 7, 300, 1 << 16])
def test_counting_gives_what_sorting_gives(monkeypatch, kind, bins):
    monkeypatch.setattr("toolkit.metrics.verification.error_rates._LONG", 0)
    monkeypatch.setattr("toolkit.metrics.verification.binned_scores._BINS", bins)
    monkeypatch.setattr("toolkit.metrics.verification.binned_scores._CHUNK", 101)
    for seed in range(12):
        scores = draw(kind, seed)
        assert verification_metrics(*scores, P_TARGETS) == whole(*scores), seed


@pytest.mark.parametrize("sizes", [(1, 1), (1, 500), (500, 1), (2, 3)])
def test_few_trials_of_a_kind(monkeypatch, sizes):
    monkeypatch.setattr("toolkit.metrics.verification.error_rates._LONG", 0)
    monkeypatch.setattr("toolkit.metrics.verification.binned_scores._BINS", 64)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        scores = rng.normal(1, 1, sizes[0]), rng.normal(0, 1, sizes[1])
        assert verification_metrics(*scores, P_TARGETS) == whole(*scores), seed


def test_long_lists_take_that_way():
    rng = np.random.default_rng(0)
    scores = rng.normal(3, 1, 60_000).astype(np.float32), rng.normal(0, 1, 200_000).astype(np.float32)
    assert verification_metrics(*scores, P_TARGETS) == whole(*scores)


@pytest.mark.parametrize(("bad", "kind"), [((1, 0), "target"), ((0, 1), "nontarget")])
def test_scores_that_are_not_finite_are_found(bad, kind):
    scores = [np.append(np.zeros(9), np.nan if spoilt else 0) for spoilt in bad]
    with pytest.raises(ValueError, match=f"^{kind} scores hold NaN"):
        BinnedScores(*scores)
