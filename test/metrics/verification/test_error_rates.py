from itertools import pairwise

import numpy as np
import pytest

from toolkit.metrics.verification.error_rates import ScoreSweep, det_points, eer, min_dcf, verification_metrics


def scores(seed, n_target=50, n_nontarget=80, shift=1.0, ties=False):
    rng = np.random.default_rng(seed)
    target, nontarget = rng.normal(shift, 1, n_target), rng.normal(0, 1, n_nontarget)
    return (np.round(target, 1), np.round(nontarget, 1)) if ties else (target, nontarget)


def all_points(target, nontarget):
    """(FPR, FNR) at every threshold there is, by counting: from accepting all to rejecting all."""
    thresholds = [*np.unique(np.concatenate([target, nontarget])), np.inf]
    return [(np.mean(nontarget >= t), np.mean(target < t)) for t in thresholds]


def brute_eer(target, nontarget):
    points = all_points(target, nontarget)
    for (fpr0, fnr0), (fpr1, fnr1) in pairwise(points):
        if fnr1 >= fpr1:
            part = (fpr0 - fnr0) / ((fpr0 - fnr0) + (fnr1 - fpr1))
            return fnr0 + part * (fnr1 - fnr0)
    raise AssertionError("the last point rejects all")


def brute_min_dcf(target, nontarget, p, c_miss, c_fa):
    costs = [c_miss * fnr * p + c_fa * fpr * (1 - p) for fpr, fnr in all_points(target, nontarget)]
    return min(costs) / min(c_miss * p, c_fa * (1 - p))


CASES = [scores(s, ties=t, shift=m) for s in range(5) for t in (False, True) for m in (-1.0, 0.0, 1.0, 5.0)]


@pytest.mark.parametrize("case", CASES)
def test_eer_is_that_of_all_thresholds(case):
    assert eer(*case)[0] == pytest.approx(brute_eer(*case), abs=1e-12)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("p", "c_miss", "c_fa"), [(0.01, 1, 1), (0.05, 1, 1), (0.5, 1, 1), (0.01, 10, 1), (0.99, 1, 2)]
)
def test_min_dcf_is_that_of_all_thresholds(case, p, c_miss, c_fa):
    assert min_dcf(*case, p, c_miss, c_fa) == pytest.approx(brute_min_dcf(*case, p, c_miss, c_fa), abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_eer_agrees_with_scikit_learn(ties):
    roc_curve = pytest.importorskip("sklearn.metrics").roc_curve
    from scipy.interpolate import interp1d
    from scipy.optimize import brentq

    target, nontarget = scores(3, 900, 700, ties=ties)
    labels = np.repeat([1, 0], [len(target), len(nontarget)])
    fpr, tpr, _ = roc_curve(labels, np.concatenate([target, nontarget]))
    assert eer(target, nontarget)[0] == pytest.approx(brentq(lambda x: 1 - x - interp1d(fpr, tpr)(x), 0, 1), abs=1e-9)


@pytest.mark.parametrize(
    ("target", "nontarget", "expected"),
    [
        ([3, 4], [1, 2], 0.0),  # apart
        ([1, 2], [3, 4], 1.0),  # the wrong way round
        ([7, 7, 7], [7, 7], 0.5),  # no information
        ([1, 3], [0, 2], 0.5),  # above 1: half missed, half accepted
        ([0, 2, 3, 4], [0, 0, 0, 1], 0.25),  # above 0: one of four missed, one of four accepted
        ([2, 4, 5, 6], [1, 1.5, 3, 0], 0.25),
        ([1, 5, 6], [1, 0], 0.2),  # (1/2, 0) -> (0, 1/3): 1/2 - s/2 = s/3, s = 3/5
    ],
)
def test_eer_worked_by_hand(target, nontarget, expected):
    assert eer(target, nontarget)[0] == pytest.approx(expected)


def test_min_dcf_worked_by_hand():
    # Threshold 4: one of four targets missed, no false alarm; threshold 2: none missed, one of four accepted.
    target, nontarget = [2, 4, 5, 6], [0, 1, 1.5, 3]
    assert min_dcf(target, nontarget, 0.05) == pytest.approx(0.25)  # 0.25 * 0.05 / 0.05
    assert min_dcf(target, nontarget, 0.9) == pytest.approx(0.25)  # 0.25 * 0.1 / 0.1
    assert min_dcf(target, nontarget, 0.9, c_miss=0.01) == pytest.approx(0.25)  # misses are cheap: 4 again


def test_a_useless_system_costs_one():
    assert min_dcf([0, 0], [0, 0, 0], 0.01) == 1
    assert min_dcf([1, 2], [3, 4], 0.01) == 1
    assert min_dcf([1, 2], [3, 4], 0.99) == 1


@pytest.mark.parametrize("case", [scores(s, shift=m) for s in range(4) for m in (-1.0, 0.5, 2.0)])
def test_at_the_threshold_both_rates_are_within_a_trial_of_the_eer(case):
    target, nontarget = case
    value, threshold = eer(target, nontarget)
    assert abs(np.mean(target < threshold) - value) <= 1 / len(target) + 1e-12
    assert abs(np.mean(nontarget >= threshold) - value) <= 1 / len(nontarget) + 1e-12


def test_threshold_parts_what_is_apart():
    assert eer([3, 4], [1, 2]) == (0, 3)


def test_rising_transform_changes_nothing():
    target, nontarget = scores(1)
    assert verification_metrics(np.exp(target), np.exp(nontarget)) == verification_metrics(target, nontarget)


def test_integer_weights_are_repetitions():
    target, nontarget = (np.sort(x) for x in scores(2, ties=True))
    rng = np.random.default_rng(0)
    target_weights, nontarget_weights = rng.integers(0, 4, len(target)), rng.integers(0, 4, len(nontarget))
    rates = ScoreSweep(target, nontarget).rates(target_weights, nontarget_weights)
    repeated = np.repeat(target, target_weights), np.repeat(nontarget, nontarget_weights)
    assert rates.eer() == pytest.approx(brute_eer(*repeated), abs=1e-12)
    assert rates.min_dcf(0.05) == pytest.approx(brute_min_dcf(*repeated, 0.05, 1, 1), abs=1e-12)


def test_all_weights_zero():
    with pytest.raises(ValueError, match="weights"):
        ScoreSweep(np.array([1.0]), np.array([0.0])).rates(np.array([0]), None)


def test_metrics_together_are_the_metrics_alone():
    target, nontarget = scores(4)
    together = verification_metrics(target, nontarget, (0.01, 0.05))
    assert together == {
        "eer": eer(target, nontarget)[0],
        "min_dcf_0.01": min_dcf(target, nontarget, 0.01),
        "min_dcf_0.05": min_dcf(target, nontarget, 0.05),
    }


@pytest.mark.parametrize("ties", [False, True])
def test_det_points_lie_on_the_curve(ties):
    target, nontarget = scores(5, 3000, 4000, ties=ties)
    fpr, fnr = det_points(target, nontarget, max_points=50)
    assert 10 < len(fpr) <= 50
    assert (np.diff(fpr) <= 0).all()
    assert (np.diff(fnr) >= 0).all()
    points = np.array(all_points(target, nontarget))
    distance = np.abs(points[:, None] - np.stack([fpr, fnr], axis=1)).sum(-1).min(0)
    assert distance.max() < 1e-12


def test_thinned_det_curve_keeps_ends_and_middle():
    target, nontarget = scores(6, 20000, 30000, shift=3)
    fpr, fnr = det_points(target, nontarget)
    assert fnr[0] == 0
    assert fnr[-1] == 1
    value = eer(target, nontarget)[0]
    assert np.interp(value, fnr, fpr) == pytest.approx(value, rel=0.05)


@pytest.mark.parametrize(
    ("target", "nontarget", "message"),
    [
        ([], [1.0], "no target trials"),
        ([1.0], [], "no nontarget trials"),
        ([1.0, np.nan], [0.0], "target scores hold NaN"),
        ([1.0], [-np.inf, 0.0], "nontarget scores hold NaN or infinity"),
    ],
)
def test_unusable_scores(target, nontarget, message):
    for metric in (eer, det_points, verification_metrics):
        with pytest.raises(ValueError, match=message):
            metric(target, nontarget)


@pytest.mark.parametrize("bad", [{"p_target": 0}, {"p_target": 1}, {"p_target": 0.1, "c_miss": 0}])
def test_cost_parameters_out_of_range(bad):
    with pytest.raises(ValueError, match="p_target"):
        min_dcf([1.0], [0.0], **bad)
