import numpy as np
import pytest
from scipy.special import ndtr

from toolkit.metrics.statistics.bootstrap import Resamples, bootstrap_verification, mean_of, resample_verification
from toolkit.metrics.verification.calibration import Calibration, calibration_metrics
from toolkit.metrics.verification.error_rates import verification_metrics


def simulate(seed, speakers=8, targets=6, nontargets=100, distance=2.0, spread=0.5):
    """Scores N(distance, 1 + spread^2) and N(0, 1 + spread^2), of which spread^2 is the speakers' part."""
    rng = np.random.default_rng(seed)
    own, other = rng.normal(0, spread, speakers), rng.normal(0, spread, speakers) / np.sqrt(2)
    spk = np.repeat(np.arange(speakers), targets)
    enroll = rng.integers(speakers, size=nontargets)
    test = (enroll + rng.integers(1, speakers, size=nontargets)) % speakers
    target_scores = distance + own[spk] + rng.normal(size=len(spk))
    nontarget_scores = other[enroll] + other[test] + rng.normal(size=nontargets)
    scores, enroll, test = (
        np.concatenate(pair) for pair in ((target_scores, nontarget_scores), (spk, enroll), (spk, test))
    )
    return scores, enroll == test, enroll, test


def resampled_corpus(scores, enroll, test, drawn):
    """The trials among the drawn speakers, each draw a speaker of its own: who meets whom, one pair at a time."""
    targets, nontargets = [], []
    for i, a in enumerate(drawn):
        for j, b in enumerate(drawn):
            if i == j:
                targets.append(scores[(enroll == a) & (test == a)])
            elif a != b:
                nontargets.append(scores[(enroll == a) & (test == b)])
    return np.concatenate(targets), np.concatenate(nontargets)


@pytest.mark.parametrize("seed", range(10))
def test_a_resample_is_the_corpus_of_the_drawn_speakers(seed):
    scores, is_target, enroll, test = simulate(seed)
    actual = resample_verification(scores, is_target, enroll, test, resamples=1, seed=seed)
    drawn = np.random.default_rng(seed).choice(8, size=8)
    expected = verification_metrics(*resampled_corpus(scores, enroll, test, drawn))
    assert {name: draws[0] for name, draws in actual.samples.items()} == pytest.approx(expected, abs=1e-12)


CALIBRATION = Calibration(1.5, -0.8)


@pytest.mark.parametrize("seed", range(5))
def test_a_resample_of_calibrated_scores_is_that_of_the_drawn_speakers(seed):
    scores, is_target, enroll, test = simulate(seed)
    actual = resample_verification(
        scores, is_target, enroll, test, (0.1, 0.3), resamples=1, seed=seed, calibration=CALIBRATION
    )
    drawn = resampled_corpus(scores, enroll, test, np.random.default_rng(seed).choice(8, size=8))
    for values, parts in ((actual.values, (scores[is_target], scores[~is_target])), (actual.samples, drawn)):
        expected = verification_metrics(*parts, (0.1, 0.3)) | calibration_metrics(*map(CALIBRATION, parts), (0.1, 0.3))
        assert {name: float(np.squeeze(value)) for name, value in values.items()} == pytest.approx(expected, abs=1e-6)


def test_intervals_of_each_kind_of_metric():
    """One draw, half as far again from 0.36 as it is from zero: with 4 speakers the distance counts 1.8745 times."""
    names = ("eer", "min_dcf_0.01", "cllr")
    actual = Resamples(dict.fromkeys(names, 0.36), dict.fromkeys(names, np.array([0.49])), dict.fromkeys(names, 4))
    by_hand = (4 / 3) ** 0.5 * 3.18245 / 1.95996  # Student's t(3; 0.975) and the normal quantile, of tables
    low, high = 0.36 - 0.13 * by_hand, 0.36 + 0.13 * by_hand
    actual = actual.intervals()
    assert actual["cllr"] == pytest.approx((0.36, 0.49, high), abs=1e-5)  # percentile: both quantiles are the draw
    assert actual["min_dcf_0.01"] == pytest.approx((0.36, low, high), abs=1e-5)  # symmetric
    angle = np.arcsin(0.6) - by_hand * (np.arcsin(0.7) - np.arcsin(0.6))  # reflected, on the arcsine scale
    assert actual["eer"] == pytest.approx((0.36, np.sin(angle) ** 2, 0.36), abs=1e-5)


def test_intervals_stay_within_what_a_metric_can_be():
    values = {"eer": 0.1, "min_dcf_0.01": 0.9, "act_dcf_0.01": 1.5, "cllr": 0.2}
    draws = {name: value + np.array([-0.1, 0.1]) for name, value in values.items()}
    actual = Resamples(values, draws, dict.fromkeys(values, 2)).intervals()
    assert actual["eer"][1] == 0
    assert actual["min_dcf_0.01"][2] == 1
    assert actual["act_dcf_0.01"][2] > 2
    assert actual["cllr"][1] == 0


def test_a_metric_rests_on_the_speakers_of_targets_or_of_nontargets_where_they_are_fewer():
    enroll, test = np.array([0, 1, 1, 0, 2, 4]), np.array([0, 1, 1, 1, 3, 5])
    actual = resample_verification(np.arange(6.0), enroll == test, enroll, test, resamples=5)
    assert set(actual.speakers.values()) == {2}
    assert set(mean_of([actual, Resamples(actual.values, actual.samples)]).speakers.values()) == {2}


def test_the_mean_over_conditions_is_taken_draw_by_draw():
    scores, *trials = simulate(2)
    parts = [resample_verification(s, *trials, resamples=30) for s in (scores, 2 * scores, -scores)]
    actual = mean_of(parts)
    assert actual.values["eer"] == pytest.approx(np.mean([part.values["eer"] for part in parts]))
    assert actual.samples["eer"] == pytest.approx(np.mean([part.samples["eer"] for part in parts], axis=0))
    # A system and its opposite: their EERs add up to one in every draw, so that the mean of them does not spread.
    opposite = mean_of([parts[0], parts[2]]).intervals()["eer"]
    assert opposite == pytest.approx((0.5, 0.5, 0.5), abs=1e-9)


def test_lists_of_different_speakers_meet_the_same_draws():
    scores, is_target, enroll, test = simulate(3, speakers=8)
    some = (enroll < 5) & (test < 5)
    actual = resample_verification(
        *(x[some] for x in (scores, is_target, enroll, test)), resamples=1, seed=4, population=np.arange(8)
    )
    drawn = np.random.default_rng(4).choice(8, size=8)
    corpus = resampled_corpus(*(x[some] for x in (scores, enroll, test)), drawn)
    assert actual.samples["eer"][0] == pytest.approx(verification_metrics(*corpus)["eer"])


def test_no_resamples_make_no_intervals(caplog):
    actual = bootstrap_verification(*simulate(0), resamples=0)
    assert np.isnan([bound for _, *bounds in actual.values() for bound in bounds]).all()
    assert not caplog.text


def test_values_are_the_metrics_of_all_trials():
    scores, is_target, enroll, test = simulate(0)
    actual = bootstrap_verification(scores, is_target, enroll, test, p_targets=(0.1,), resamples=20)
    expected = verification_metrics(scores[is_target], scores[~is_target], (0.1,))
    assert {name: value for name, (value, _, _) in actual.items()} == expected


def normal_truth(distance, spread, p):
    """EER and minDCF of two normal distributions of one variance."""
    sigma = np.sqrt(1 + spread**2)
    t = np.linspace(-10, 10, 20001)
    cost = (p * ndtr((t - distance) / sigma) + (1 - p) * ndtr(-t / sigma)) / p
    return ndtr(-distance / 2 / sigma), min(cost.min(), 1)


@pytest.mark.parametrize(
    ("name", "speakers", "distance", "spread", "nontargets"),
    [
        ("eer", 40, 2.0, 1.0, 2000),
        ("eer", 5, 2.0, 0.5, 600),
        ("min_dcf_0.05", 40, 4.0, 0.5, 4000),
    ],
)
def test_intervals_hold_the_truth_about_as_often_as_they_say(name, speakers, distance, spread, nontargets):
    truth = dict(zip(("eer", "min_dcf_0.05"), normal_truth(distance, spread, 0.05), strict=True))[name]
    held = []
    for seed in range(120):
        trials = simulate(seed, speakers, 20, nontargets, distance, spread)
        _, low, high = bootstrap_verification(*trials, p_targets=(0.05,), resamples=100, seed=seed)[name]
        held.append(low <= truth <= high)
    # Nominal 95 %, by chance +- 4 %. Resampling trials instead of speakers gives 41 % in the first case; without a
    # stretch the second has 83 %.
    assert 0.88 < np.mean(held) < 0.995


def test_more_speakers_make_a_narrower_interval():
    few, many = (bootstrap_verification(*simulate(1, speakers=n), resamples=200)["eer"] for n in (6, 60))
    assert many[2] - many[1] < few[2] - few[1]


def test_a_higher_level_makes_a_wider_interval():
    trials = simulate(2)
    wide, narrow = (bootstrap_verification(*trials, resamples=300, level=level)["eer"] for level in (0.99, 0.5))
    assert wide[1] < narrow[1] < narrow[2] < wide[2]


def test_seed_decides():
    trials = simulate(3)
    first, again, other = (bootstrap_verification(*trials, resamples=50, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["eer"][0] == other["eer"][0]
    assert first["eer"][1:] != other["eer"][1:]


def test_order_of_trials_and_gaps_in_the_numbering_change_nothing():
    trials = simulate(4)
    order = np.random.default_rng(0).permutation(len(trials[0]))
    scores, is_target, enroll, test = (x[order] for x in trials)
    expected = bootstrap_verification(*trials, resamples=50)
    assert bootstrap_verification(scores, is_target, 3 * enroll + 5, 3 * test + 5, resamples=50) == expected


def test_scores_without_error_and_without_information():
    _, is_target, enroll, test = simulate(5)
    perfect = bootstrap_verification(is_target.astype(float), is_target, enroll, test, resamples=50)
    useless = bootstrap_verification(np.zeros(len(enroll)), is_target, enroll, test, resamples=50)
    assert set(perfect.values()) == {(0.0, 0.0, 0.0)}
    assert useless["eer"] == pytest.approx((0.5, 0.5, 0.5), abs=1e-12)
    assert useless["min_dcf_0.01"] == useless["min_dcf_0.05"] == (1, 1, 1)


def test_no_interval_where_most_draws_lack_a_kind_of_trial():
    # Targets of speaker 0, nontargets of 1 and 2: only a draw of all three will do, 6 of 27.
    drawn = resample_verification([1.0, 0.0], [1, 0], [0, 1], [0, 2])
    actual = drawn.intervals()
    assert actual["eer"][0] == 0
    assert np.isnan([bound for _, *bounds in actual.values() for bound in bounds]).all()
    assert drawn.too_few
    assert drawn.lost == pytest.approx(1000 * 21 / 27, abs=60)


def test_draws_that_lack_a_kind_of_trial_are_left_out():
    drawn = resample_verification(*simulate(1, speakers=3), resamples=200)  # one speaker thrice: 3 of 27
    actual = drawn.intervals()
    assert actual["eer"][1] <= actual["eer"][0] <= actual["eer"][2]
    assert 0 < drawn.lost < 50
    assert not drawn.too_few


def test_progress_sees_every_draw():
    seen = []
    bootstrap_verification(*simulate(6), resamples=7, progress=lambda draws: (seen.append(d) or d for d in draws))
    assert len(seen) == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": [1.0, 2.0]}, "equal length"),
        ({"is_target": [1, 1, 0]}, "trial 1: its label contradicts its speakers"),
        ({"enroll_spk_index": [-1, 0, 1], "test_spk_index": [-1, 1, 2]}, "negative"),
        ({"scores": [1.0, np.nan, 0.0]}, "NaN"),
        ({"level": 1.0}, "level"),
        ({"is_target": [0, 0, 0], "enroll_spk_index": [1, 0, 1]}, "no target trials"),
        ({"is_target": [1, 1, 1], "test_spk_index": [0, 0, 1]}, "no nontarget trials"),
    ],
)
def test_unusable_input(change, message):
    good = {
        "scores": [1.0, 0.5, 0.0],
        "is_target": [1, 0, 0],
        "enroll_spk_index": [0, 0, 1],
        "test_spk_index": [0, 1, 2],
    }
    with pytest.raises(ValueError, match=message):
        bootstrap_verification(**(good | change), resamples=5)
