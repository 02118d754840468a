"""Cross-validated calibration: no speaker is on both sides; rates and samples by hand."""

import itertools

import numpy as np
import pytest

from toolkit.metrics.verification import cross_validation
from toolkit.metrics.verification.calibration import fit_calibration
from toolkit.metrics.verification.cross_validation import cross_validated_llrs, resample_error_rates


def trials(num_speakers: int, utterances: int = 3, seed: int = 0):
    """Scores, labels and speakers of all pairs of utterances."""
    speaker = np.repeat(np.arange(num_speakers), utterances)
    pairs = np.array([*itertools.combinations(range(len(speaker)), 2)])
    enroll, test = speaker[pairs].T
    scores = np.random.default_rng(seed).normal(1.5 * (enroll == test), 1)
    return scores, enroll == test, enroll, test


@pytest.mark.parametrize("num_speakers", [4, 5, 11])
def test_no_speaker_of_a_trial_is_in_its_fit(num_speakers, monkeypatch):
    """Fits that only note their scores: each trial is judged once, by a fit without its speakers."""
    scores, is_target, enroll, test = trials(num_speakers)
    speakers_of = {score: {a, b} for score, a, b in zip(scores, enroll, test, strict=True)}
    judged = []

    def fit(targets, nontargets, p_target, quiet):
        fitted = set().union(*(speakers_of[score] for score in (*targets, *nontargets)))

        def calibration(own):
            judged.extend(own)
            assert not any(speakers_of[score] & fitted for score in own)
            return own

        return calibration

    monkeypatch.setattr(cross_validation, "fit_calibration", fit)
    np.testing.assert_array_equal(cross_validated_llrs(scores, is_target, enroll, test, 0.5), scores)
    assert sorted(judged) == sorted(scores)


def test_of_many_speakers_it_is_nearly_the_whole_fit():
    scores, is_target, enroll, test = trials(60)
    whole = fit_calibration(scores[is_target], scores[~is_target], 0.1)(scores)
    np.testing.assert_allclose(cross_validated_llrs(scores, is_target, enroll, test, 0.1), whole, atol=0.8)


def test_too_few_speakers():
    assert cross_validated_llrs(*trials(3), 0.5) is None


def test_samples_are_those_of_repeated_trials():
    """A speaker who is drawn c times is c speakers: brute force over copies of the trials."""
    scores, is_target, enroll, test = trials(4)
    accepted = scores > 0.7
    got = resample_error_rates(accepted, is_target, enroll, test, 20, seed=3)
    assert got.values["false_rejection"] == pytest.approx((~accepted)[is_target].mean())
    assert got.values["false_acceptance"] == pytest.approx(accepted[~is_target].mean())
    counts = np.random.default_rng(3).multinomial(4, [0.25] * 4, size=20)
    for draw, (rejection, acceptance) in enumerate(zip(*got.samples.values(), strict=True)):
        times = np.where(is_target, counts[draw][enroll], counts[draw][enroll] * counts[draw][test])
        again = np.repeat(np.arange(len(scores)), times)
        assert rejection == pytest.approx((~accepted[again])[is_target[again]].mean())
        if (~is_target[again]).any():
            assert acceptance == pytest.approx(accepted[again][~is_target[again]].mean())
        else:
            assert np.isnan(acceptance)
