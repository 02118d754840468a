import numpy as np
import pytest

from toolkit.metrics.statistics.speaker_means import mean_intervals, resample_means


def example(speakers=12, utterances=90, seed=3):
    rng = np.random.default_rng(seed)
    speaker = rng.integers(speakers, size=utterances)
    return {"a": rng.normal(size=speakers)[speaker] + rng.normal(size=utterances)}, speaker


def test_draws_are_those_of_a_loop():
    values, speaker = example()
    values["a"][[3, 8]] = np.nan, np.inf
    actual = resample_means(values, speaker, resamples=50, seed=4)
    finite = np.isfinite(values["a"])
    assert actual.values["a"] == pytest.approx(values["a"][finite].mean())
    rng = np.random.default_rng(4)
    for drawn in actual.samples["a"]:
        counts = rng.multinomial(12, np.full(12, 1 / 12))
        once = [v for s, n in enumerate(counts) for _ in range(n) for v in values["a"][(speaker == s) & finite]]
        assert drawn == pytest.approx(np.mean(once))


def test_the_interval_is_that_of_a_plain_bootstrap_stretched():
    """Another generator, speakers drawn one by one: the same quantiles but for chance, 1.08 times as far away.

    Tables: t(19; 0.95) = 1.729, the normal quantile 1.645.
    """
    values, speaker = example(speakers=20, utterances=300)
    value, low, high = mean_intervals(resample_means(values, speaker, resamples=4000), 0.9)["a"]
    rng, of = np.random.default_rng(99), [values["a"][speaker == s] for s in range(20)]
    means = [np.concatenate([of[s] for s in rng.choice(20, size=20)]).mean() for _ in range(4000)]
    expected = value + (20 / 19) ** 0.5 * 1.729 / 1.645 * (np.quantile(means, [0.05, 0.95]) - value)
    np.testing.assert_allclose((low, high), expected, atol=0.04 * (expected[1] - expected[0]) * 1.5)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng, held = np.random.default_rng(0), 0
    for seed in range(200):
        speaker = np.repeat(np.arange(25), 4)
        values = rng.normal(size=25)[speaker] + 0.5 * rng.normal(size=100)
        _, low, high = mean_intervals(resample_means({"a": values}, speaker, 300, seed), 0.9)["a"]
        held += low <= 0 <= high
    assert 0.82 < held / 200 < 0.95
    # Were utterances drawn, not speakers, intervals were half as long and would hold it in six of ten.


@pytest.mark.parametrize("speakers", [3, 5, 10])
def test_few_speakers_are_no_less_honest(speakers):
    """Means of normal values, of as many utterances each: 95 % intervals, which percentiles alone hold in 73 to 89."""
    rng, names = np.random.default_rng(0), [f"trial{i}" for i in range(2000)]
    values = dict(zip(names, rng.normal(size=(2000, speakers)), strict=True))
    actual = mean_intervals(resample_means(values, np.arange(speakers), 1000)).values()
    assert np.mean([low <= 0 <= high for _, low, high in actual]) > 0.93


def test_a_mean_rests_on_the_speakers_who_have_a_value():
    values, speaker = example()
    values["of_two"] = np.where(speaker < 2, values["a"], np.nan)
    assert resample_means(values, speaker, 10, population=20).speakers == {"a": 12, "of_two": 2}


def test_intervals_of_rates_are_rates():
    wrong = np.zeros(50)
    wrong[:4] = 1  # of one speaker in ten
    drawn = resample_means({"speaker_confusion": wrong, "speaker_confusioni": wrong}, np.repeat(np.arange(10), 5), 500)
    actual = mean_intervals(drawn)
    value, low, high = actual["speaker_confusion"]
    assert 0 <= low < value < high < 1
    assert actual["speaker_confusioni"][2] < high  # a difference is no rate


def test_metrics_and_systems_meet_the_same_draws():
    values, speaker = example()
    values["b"] = values["a"] + 2
    actual = resample_means(values, speaker, 20, seed=1)
    np.testing.assert_allclose(actual.samples["b"] - actual.samples["a"], 2)
    alone = resample_means({"b": values["b"]}, speaker, 20, seed=1)
    np.testing.assert_allclose(alone.samples["b"], actual.samples["b"])


def test_a_metric_that_few_have_leaves_the_others_alone():
    values, speaker = example()
    values["none"] = np.full(90, np.nan)
    values["of_one"] = np.where(speaker == 2, values["a"], np.nan)
    values["of_two"] = np.where(speaker < 2, values["a"], np.nan)
    actual = mean_intervals(resample_means(values, speaker, 200))
    assert np.isfinite(actual["a"]).all()
    assert np.isnan(actual["none"]).all()
    assert actual["of_one"][0] == pytest.approx(values["a"][speaker == 2].mean())
    assert np.isnan(actual["of_one"][1:]).all()
    # A seventh of the draws holds none of the two: (10 / 12)^12 = 0.11; the others make the interval.
    drawn = resample_means({"x": values["of_two"]}, speaker, 2000).samples["x"]
    assert np.isnan(drawn).mean() == pytest.approx((10 / 12) ** 12, abs=0.03)
    assert np.isfinite(actual["of_two"]).all()


def test_no_resamples_no_interval():
    values, speaker = example()
    mean, low, high = mean_intervals(resample_means(values, speaker, resamples=0))["a"]
    assert mean == pytest.approx(values["a"].mean())
    assert np.isnan([low, high]).all()
