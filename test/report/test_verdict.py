"""Verdicts by their facts: numbers, direction and certainty; and that the sentences hold them."""

import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.signal_scores import write_scores

from test.report.verification.test_trial_sections import write_experiment
from toolkit.metrics.statistics.paired import Difference
from toolkit.report.bootstrap_samples import difference
from toolkit.report.enhancement.audio_results import collect_audio
from toolkit.report.summaries import Experiment
from toolkit.report.verdict import FEW_STEPS, Claim, conclusion_of, verdicts
from toolkit.report.verification.trial_results import collect


@pytest.fixture
def experiments(tmp_path):
    """A network, and a baseline of 10 % higher error rates in all conditions."""
    return [write_experiment(tmp_path / name, seed) for seed, name in ((0, "network"), (10, "untrained"))]


def trained(results: Experiment, steps: int) -> Experiment:
    return replace(results, train={"steps": steps})


def eers(sets) -> float:
    return sum(one.metrics["eer"].value for one in sets) / len(sets)


def numbers(text) -> list[float]:
    return [float(x) for x in re.findall(r"(?<![\w.])-?\d+\.\d+", str(text))]


def test_a_network_against_its_baseline(experiments):
    network, baseline = experiments
    (verdict,) = verdicts([trained(network, 7000), baseline])
    assert (verdict.name, verdict.steps) == ("network", 7000)
    for claim, places in zip(verdict.claims, ([0], [0, 1, 2, 3]), strict=True):
        ours, theirs = ([one.sets[place] for place in places] for one in (network, baseline))
        actual = difference(theirs, ours)["eer"]
        assert (claim.value, claim.reference_value) == pytest.approx((eers(ours), eers(theirs)))
        assert claim.difference == actual
        assert claim.gain == pytest.approx(eers(theirs) - eers(ours))
        assert claim.is_certain == (actual.high < 0)
        message = [eers(ours), eers(theirs), -actual.value, -actual.high, -actual.low, actual.p]
        assert numbers(claim)[:6] == pytest.approx(message, abs=0.006)
        assert str(claim) in str(verdict)


def test_a_network_that_others_trained_is_a_baseline(experiments):
    network, baseline = experiments
    published = replace(baseline, train={"pretrained": "resemblyzer"})
    verdict, own = verdicts([trained(network, 7000), published])
    assert own.claims == []
    (against_untrained,) = verdicts([trained(network, 7000), baseline])
    assert [claim.difference for claim in verdict.claims] == [claim.difference for claim in against_untrained.claims]
    assert all(baseline.name in claim.reference for claim in verdict.claims)


def test_test_sets_are_compared_apart(experiments):
    """Their speakers differ, so a mean over both would have no interval."""
    network, baseline = (
        replace(one, sets=[replace(entry, test_set=entry.name, condition=one.sets[0].condition) for entry in one.sets])
        for one in experiments
    )
    (verdict,) = verdicts([trained(network, 7000), baseline])
    assert [claim.over.split(",")[0] for claim in verdict.claims] == [one.name for one in network.sets]
    for claim, ours, theirs in zip(verdict.claims, network.sets, baseline.sets, strict=True):
        assert claim.difference == difference([theirs], [ours])["eer"]


def test_a_network_that_learnt_nothing_is_worse(experiments):
    network, baseline = experiments
    (verdict,) = verdicts([network, trained(baseline, 24)])
    assert verdict.claims[0].gain < -9
    assert verdict.claims[0].is_certain
    assert verdict.steps < FEW_STEPS
    assert len(str(verdict)) > len(str(replace(verdict, steps=FEW_STEPS)))


def test_a_difference_by_chance_is_not_certain(tmp_path):
    ours, baseline = (write_experiment(tmp_path / name, seed) for seed, name in ((0, "a"), (1, "b")))
    actual = difference(baseline.sets[:1], ours.sets[:1])["eer"]
    (verdict,) = verdicts([trained(ours, 900), baseline])
    assert verdict.claims[0].is_certain == (actual.low > 0 or actual.high < 0)


@pytest.mark.parametrize(("within", "share"), [(100, 1), (25, 0.25), (0, 0)])
def test_trials_within_one_session_are_counted(tmp_path, within, share):
    results = write_experiment(tmp_path / "a", 0, n_target_within_session=within)
    (verdict,) = verdicts([trained(results, 900)])
    assert verdict.within_session == share
    assert ("session" in str(verdict)) == (share > 0)


def test_without_training_or_bootstrap_samples(tmp_path, experiments):
    network, baseline = experiments
    assert verdicts([baseline]) == []
    (tmp_path / "untrained/scores/test/draws.npz").unlink()
    (verdict,) = verdicts([trained(network, 900), collect(tmp_path / "untrained")])
    for claim in verdict.claims:
        assert claim.gain > 0
        assert not claim.is_certain
        assert np.isnan(claim.difference.p)
        assert numbers(claim) == pytest.approx([claim.value, claim.reference_value, claim.gain], abs=0.006)


def test_enhancement_is_compared_with_the_mixture(tmp_path):
    write_scores(tmp_path / "exp", sets=("test",))
    results = collect_audio(tmp_path / "exp")
    (claim,) = verdicts([trained(results, 1200)])[0].claims
    after, before, gain = (results.sets[0].metrics[name] for name in ("si_sdr", "si_sdr_mix", "si_sdri"))
    assert (claim.value, claim.reference_value) == (after.value, before.value)
    assert claim.difference[:3] == (gain.value, gain.low, gain.high)
    assert claim.gain == gain.value
    assert claim.is_certain == (gain.low > 0)


def test_the_extractor_of_another_is_no_baseline(experiments):
    """As where a trained extractor is of another folder, so that nothing is known of its training."""
    network, raw = experiments
    enhanced = replace(network, name="enhanced", train={"extractor": {"extractor": raw.name}})
    pretrained = replace(network, train={"pretrained": "ge2e"})
    first, second = verdicts([enhanced, pretrained, raw])
    for claim in first.claims:
        assert claim.value - claim.reference_value == pytest.approx(claim.difference.value, abs=1e-9)
    assert second.claims == []
    assert second.remark


@pytest.mark.parametrize(
    ("metric", "actual", "direction", "certain", "shown"),
    [
        ("eer", Difference(-1.2, -2.0, -0.4, 0.004), "better", True, [1.2, 0.4, 2.0, 0.004]),
        ("min_dcf_0.01", Difference(0.01, -0.01, 0.03, 0.31), "worse", False, [0.01, -0.01, 0.03, 0.31]),
        ("si_sdr", Difference(2.0, 1.5, 2.5, np.nan), "better", True, [2.0, 1.5, 2.5]),
        ("wer", Difference(1.0, np.nan, np.nan, np.nan), "worse", False, [1.0]),
        ("eer", Difference(0.0, -1.0, 1.0, 1.0), "as", False, [0.0, -1.0, 1.0]),
    ],
)
def test_conclusions(metric, actual, direction, certain, shown):
    text = conclusion_of(metric, actual)
    assert text.split()[0] == direction
    assert numbers(text) == shown
    assert Claim("test", "b", metric, 2.0, 2.0 - actual.value, actual).is_certain == certain
    assert ("is certain" in text) == certain
