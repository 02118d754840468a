import numpy as np
import pytest

from toolkit.metrics.statistics.bootstrap import resample_verification, stretch
from toolkit.metrics.statistics.paired import compare, paired_difference
from toolkit.metrics.statistics.speaker_means import resample_means


def test_worked_by_hand():
    a, b = np.array([5.0, 5, 5, 5, 5]), np.array([4.0, 3, 4, 4, 6])
    # Differences -1 -2 -1 -1 +1 about -1: distances 0 1 0 0 2; those of 1 and more: two of five.
    actual = paired_difference(5.0, 4.0, a, b, level=0.5)
    assert actual.value == -1
    assert (actual.low, actual.high) == (-1, -1)  # of 0 0 0 1 2 the third: p of zero's distance 0 would be 0.5 and more
    assert actual.p == pytest.approx((1 + 2) / (1 + 5))


def test_a_system_equals_itself():
    draws = np.random.default_rng(0).normal(size=100)
    assert paired_difference(2.0, 2.0, draws, draws) == (0, 0, 0, 1)


def test_swapping_the_systems_swaps_the_sign():
    rng = np.random.default_rng(1)
    a, b = rng.normal(1, 1, 200), rng.normal(2, 1, 200)
    one, two = paired_difference(1.0, 2.0, a, b), paired_difference(2.0, 1.0, b, a)
    assert (one.value, one.low, one.high, one.p) == pytest.approx((-two.value, -two.high, -two.low, two.p))


@pytest.mark.parametrize("draws", [19, 50, 999])
@pytest.mark.parametrize("shift", np.linspace(0, 4, 33))
def test_zero_lies_in_the_interval_just_when_p_is_large(shift, draws):
    a, b = (np.random.default_rng(s).normal(size=draws) for s in (1, 2))
    actual = paired_difference(0.0, shift, a, b + shift)
    assert (actual.low <= 0 <= actual.high) == (actual.p > 0.05)


def test_draws_without_a_metric_are_left_out_until_too_few_remain():
    a, b = np.zeros(10), np.ones(10)
    b[:4] = np.nan
    assert paired_difference(0.0, 1.0, a, b, level=0.5)[:3] == (1, 1, 1)
    assert np.isnan(paired_difference(0.0, 1.0, a, b)[1:]).all()  # 6 draws have no 95 % interval
    b[:6] = np.nan
    actual = paired_difference(0.0, 1.0, a, b)
    assert actual.value == 1
    assert np.isnan(actual[1:]).all()


def test_few_speakers_need_students_quantile():
    # Tables: t(3; 0.975) = 3.182, t(19; 0.975) = 2.093, normal 1.960; t(1; 0.75) = 1, normal 0.6745
    assert stretch(4, 0.95) == pytest.approx((4 / 3) ** 0.5 * 3.182 / 1.960, rel=1e-3)
    assert stretch(20, 0.95) == pytest.approx((20 / 19) ** 0.5 * 2.093 / 1.960, rel=1e-3)
    assert stretch(2, 0.5) == pytest.approx(2**0.5 / 0.6745, rel=1e-3)
    assert np.isnan(paired_difference(0.0, 1.0, np.zeros(99), np.ones(99), speakers=1)[1:]).all()


@pytest.mark.parametrize("speakers", [4, 10])
def test_equal_systems_are_told_apart_as_seldom_as_the_level_says(speakers):
    rng, alarms = np.random.default_rng(0), 0
    for trial in range(600):
        differences = {"x": rng.normal(size=speakers)}
        drawn = resample_means(differences, np.arange(speakers), 200, seed=trial)
        zeros = np.zeros(200)
        alarms += paired_difference(0.0, drawn.values["x"], zeros, drawn.samples["x"], speakers=speakers).p <= 0.05
    assert 0.02 < alarms / 600 < 0.08  # without the stretch 0.17 and 0.09


def test_unlike_numbers_of_draws():
    with pytest.raises(ValueError, match="3 samples of one system, 4 of the other"):
        paired_difference(0.0, 0.0, np.zeros(3), np.zeros(4))


def two_systems(seed, gain=0.0, speakers=30, targets=15, nontargets=1500):
    """Scores of two systems that share what the trials make hard; ``gain`` parts B's targets further."""
    rng = np.random.default_rng(seed)
    spk = np.repeat(np.arange(speakers), targets)
    enroll = rng.integers(speakers, size=nontargets)
    test = (enroll + rng.integers(1, speakers, size=nontargets)) % speakers
    enroll, test = np.concatenate([spk, enroll]), np.concatenate([spk, test])
    is_target = enroll == test

    def noise():
        of_speaker = rng.normal(0, 0.5, (2, speakers))
        return np.where(
            is_target, of_speaker[0, enroll], (of_speaker[1, enroll] + of_speaker[1, test]) / 2
        ) + rng.normal(size=len(enroll))

    shared = 0.8 * noise()
    scores = [shared + 0.6 * noise() + (2.5 + g) * is_target for g in (0, gain)]
    return scores, is_target, enroll, test


def compared(seed, gain=0.0, resamples=99):
    scores, *trials = two_systems(seed, gain)
    return compare(*(resample_verification(s, *trials, p_targets=(0.05,), resamples=resamples) for s in scores))


def test_without_a_difference_p_is_about_uniform():
    p = np.array([compared(seed)["eer"].p for seed in range(100)])
    # Of 100 uniform p-values 5 % lie below 0.05, by chance up to 10 %; the bootstrap errs on the wide side.
    assert (p < 0.05).mean() < 0.11
    assert 0.35 < np.median(p) < 0.65
    assert (p < 0.25).mean() > 0.13


def test_a_real_difference_is_found_and_pairing_helps():
    actual = [compared(seed, gain=0.8)["eer"] for seed in range(8)]
    assert all(one.p < 0.05 for one in actual)
    scores, *trials = two_systems(0, gain=0.8)
    one, two = (resample_verification(s, *trials, resamples=300, seed=seed) for seed, s in enumerate(scores))
    unpaired = compare(one, two)["eer"]
    assert actual[0].high - actual[0].low < 0.85 * (unpaired.high - unpaired.low)
