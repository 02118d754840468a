import logging

import numpy as np
import pytest
from scipy.special import ndtr

from toolkit.metrics.verification.calibration import (
    Calibration,
    act_dcf,
    bayes_threshold,
    calibration_metrics,
    cllr,
    fit_calibration,
    min_cllr,
    posterior,
)
from toolkit.metrics.verification.error_rates import min_dcf

RNG = np.random.default_rng(0)


def normal_scores(distance=2.0, targets=400, nontargets=3000, scale=0.1, shift=0.3):
    return scale * RNG.normal(distance, 1, targets) + shift, scale * RNG.normal(0, 1, nontargets) + shift


def test_true_llrs_stay_put():
    """LLR of N(d, 1) against N(0, 1) is d x - d^2 / 2."""
    d = 2.0
    target, nontarget = (d * RNG.normal(m, 1, 200_000) - d * d / 2 for m in (d, 0))
    for p in (0.01, 0.5):
        actual = fit_calibration(target, nontarget, p)
        assert actual == pytest.approx((1, 0), abs=0.03)


@pytest.mark.parametrize("p_target", [0.01, 0.05, 0.5])
@pytest.mark.parametrize("sizes", [(400, 3000), (50, 300), (3000, 400)])
def test_fit_is_scikit_learns_weighted_regression(p_target, sizes):
    linear_model = pytest.importorskip("sklearn.linear_model")
    target, nontarget = normal_scores(1.0, *sizes)
    weights = np.repeat([p_target / sizes[0], (1 - p_target) / sizes[1]], sizes) * sum(sizes)
    model = linear_model.LogisticRegression(C=np.inf, tol=1e-10, solver="newton-cholesky", max_iter=1000)
    model.fit(np.concatenate([target, nontarget])[:, None], np.repeat([1, 0], sizes), sample_weight=weights)
    prior = np.log(p_target / (1 - p_target))
    expected = model.coef_[0, 0], model.intercept_[0] - prior
    assert fit_calibration(target, nontarget, p_target) == pytest.approx(expected, rel=1e-5)


def test_calibrated_scores_do_not_depend_on_scale_and_shift_of_the_raw_ones():
    target, nontarget = normal_scores()
    one, two = fit_calibration(target, nontarget), fit_calibration(1000 * target - 7, 1000 * nontarget - 7)
    assert two(1000 * target - 7) == pytest.approx(one(target), abs=1e-6)


@pytest.mark.parametrize("exponent", [-1000, -40, 40, 1010])
def test_a_fit_follows_any_scale_exactly(exponent):
    target, nontarget = np.array([1.0, 3, 2, 0.5]), np.array([0.75, -1, 0, -2, 1.5])
    plain = fit_calibration(target, nontarget)
    scaled = fit_calibration(np.ldexp(target, exponent), np.ldexp(nontarget, exponent))
    assert (scaled.scale, scaled.offset) == (np.ldexp(plain.scale, -exponent), plain.offset)


def test_scores_that_differ_too_little_are_refused():
    with pytest.raises(ValueError, match="larger"):
        fit_calibration(np.array([2e-320, 1e-320]), np.array([0, 1e-320]))


def test_scores_that_do_not_overlap_get_a_finite_cautious_scale(caplog):
    actual = fit_calibration([3, 4, 5], [1, 2])
    assert "do not overlap" in caplog.text
    assert 0 < actual.scale < 10
    assert (actual([3, 4, 5]) > 0).all()
    assert (actual([1, 2]) < 0).all()


@pytest.mark.parametrize("scores", [([1, 2], [3, 4, 5]), ([1, 1], [1, 1]), ([0, 1], [1, 0])])
def test_scores_without_information_get_llrs_of_zero(scores, caplog):
    with caplog.at_level(logging.WARNING):
        assert fit_calibration(*scores) == (0, 0)
    assert "no higher" in caplog.text


@pytest.mark.parametrize("bad", [([], [1.0], 0.5), ([1.0], [np.nan], 0.5), ([1.0], [0.0], 1.0)])
def test_unusable(bad):
    with pytest.raises(ValueError, match="calibration needs|p_target"):
        fit_calibration(*bad)


def test_cllr_worked_by_hand():
    # log2(1 + 1/3) for a target at log 3, log2(1 + 1) for a nontarget at 0.
    assert cllr([np.log(3)], [0.0]) == pytest.approx((np.log2(4 / 3) + 1) / 2)
    assert cllr([0, 0], [0]) == 1  # tells nothing
    assert cllr([50, 60], [-50]) == pytest.approx(0, abs=1e-12)  # perfect
    assert cllr([-5], [5]) > 7  # misleads
    assert cllr([2000.0], [-2000.0]) == 0  # no overflow


def test_min_cllr_worked_by_hand():
    assert min_cllr([3, 4], [1, 2]) == 0
    assert min_cllr([1, 2], [3, 4, 5]) == pytest.approx(1)
    assert min_cllr([7, 7], [7]) == pytest.approx(1)
    # PAV pools the violating middle pair: half of each class at posterior 1/2, the rest is certain.
    assert min_cllr([2, 4], [1, 3]) == pytest.approx(0.5)


@pytest.mark.parametrize("ties", [False, True])
def test_min_cllr_is_that_of_scikit_learns_isotonic_regression(ties):
    isotonic = pytest.importorskip("sklearn.isotonic")
    target, nontarget = normal_scores(1.0, 300, 500, scale=1.0)
    if ties:
        target, nontarget = target.round(1), nontarget.round(1)
    scores, labels = np.concatenate([target, nontarget]), np.repeat([1, 0], [300, 500])
    weights = np.repeat([1 / 300, 1 / 500], [300, 500])
    posterior = isotonic.IsotonicRegression(y_min=0, y_max=1).fit(scores, labels, sample_weight=weights).predict(scores)
    with np.errstate(divide="ignore"):
        llrs = np.log(posterior / (1 - posterior))
    assert min_cllr(target, nontarget) == pytest.approx(cllr(llrs[:300], llrs[300:]), abs=1e-9)


def test_min_cllr_is_no_more_than_any_calibrations():
    target, nontarget = normal_scores(1.5)
    best = min_cllr(target, nontarget)
    for scale in (1, 5, 15, 40):
        assert best <= cllr(scale * (target - 0.4), scale * (nontarget - 0.4))


def test_bayes_threshold_and_act_dcf_worked_by_hand():
    assert bayes_threshold(0.5) == 0
    assert bayes_threshold(0.01) == pytest.approx(np.log(99))
    # Threshold log 19: one of two targets missed, one of four nontargets accepted (the one just at it).
    at = bayes_threshold(0.05)
    assert act_dcf([at + 1, at - 1], [at, at - 1, 0, -9], 0.05) == pytest.approx(0.5 + 0.25 * 0.95 / 0.05)
    assert act_dcf([9, 9], [-9, -9], 0.05) == 0
    assert act_dcf([0, 0], [0, 0], 0.05) == 1  # rejects all


def test_act_dcf_of_normal_llrs():
    """True LLRs: FNR = Phi((log(1/p - 1) - d^2/2) / d), and it is about minDCF."""
    d, p = 3.0, 0.05
    target, nontarget = (d * RNG.normal(m, 1, 300_000) - d * d / 2 for m in (d, 0))
    at = bayes_threshold(p)
    expected = (p * ndtr((at - d * d / 2) / d) + (1 - p) * ndtr(-(at + d * d / 2) / d)) / p
    assert act_dcf(target, nontarget, p) == pytest.approx(expected, rel=0.02)
    assert act_dcf(target, nontarget, p) == pytest.approx(min_dcf(target, nontarget, p), rel=0.02)
    assert act_dcf(target + 2, nontarget + 2, p) > 1.2 * expected


def test_metrics_together():
    target, nontarget = normal_scores(scale=2.0, shift=-2.0)
    actual = calibration_metrics(target, nontarget, (0.1,))
    assert actual == {
        "act_dcf_0.1": act_dcf(target, nontarget, 0.1),
        "cllr": cllr(target, nontarget),
        "min_cllr": min_cllr(target, nontarget),
    }


def test_a_calibration_is_affine():
    assert Calibration(2.0, -1.0)(np.array([0.5, 1.0], np.float32)).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("llr", "prior", "expected"),
    [(0.0, 0.05, 0.05), (np.log(3), 0.5, 0.75), (np.log(99), 0.01, 0.5), (-1e4, 0.5, 0.0), (1e4, 0.5, 1.0)],
)
def test_posterior_by_hand(llr, prior, expected):
    assert posterior(llr, prior) == pytest.approx(expected)
