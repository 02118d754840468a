import math

import numpy as np
import pytest

from toolkit.metrics.signal.intrusive import Undefined
from toolkit.metrics.signal.over_suppression import (
    false_alarm,
    over_suppressed,
    residual_energy,
    speaker_confusion,
    tsos,
)

NAN = math.nan


def test_the_speaker_confusion():
    to_target = [10.0, -3.0, 0.0, NAN, 1.0, -math.inf]
    to_interferer = [-10.0, 5.0, 0.0, 1.0, NAN, 3.0]
    np.testing.assert_equal(speaker_confusion(to_target, to_interferer), [0, 1, 0, NAN, NAN, 1])
    assert speaker_confusion(1.0, 2.0) == 1


def test_residual_energy_by_hand():
    mixture = np.array([[3.0, 4.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    output = np.array([[0.3, 0.4], [0.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(residual_energy(output, mixture), [-20, 0, -np.inf, np.nan], atol=1e-12)
    np.testing.assert_array_equal(false_alarm([-20, -10, -9.9, -np.inf, np.nan]), [0, 0, 1, 0, np.nan])


def test_over_suppression_worked_by_hand():
    """Two frames of two bins, p = 1/2: |S|^p is 3 2 and 1 1.

    |E|^p is 2 3 and 0 1, so that (3 - 2)^2 + 0 = 1 is lost of 3 + 2 = 5, and 1 of 2; more than a bin has is no loss.
    """
    s, e = np.array([[9.0, 4.0], [1.0, 1.0]]), np.array([[4.0, 9.0], [0.0, 1.0]])
    for gamma, frames in ((0.1, [True, True]), (0.2, [False, True]), (0.5, [False, False])):
        assert over_suppressed(e, s, 0.5, gamma, threshold_power=1).tolist() == frames
    # Against |S|^(2 p), the default: 1 of 9 + 4 = 13, 1 of 2.
    for gamma, frames in ((0.05, [True, True]), (0.1, [False, True]), (0.5, [False, False])):
        assert over_suppressed(e, s, 0.5, gamma).tolist() == frames
    assert over_suppressed(np.stack([e, s]), np.stack([s, s]), 0.5).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize("gain", [1e-3, 0.1, 10])
def test_tsos_does_not_depend_on_level(gain):
    """Unless k = 1 is asked for: with it both louder is worse."""
    s = speech_like()
    e = s * (np.linspace(0, 1, len(s)) > 0.3 * np.random.default_rng(1).random(len(s)))
    assert 0 < tsos(e, s, 16000) < 1
    assert tsos(gain * e, gain * s, 16000) == tsos(e, s, 16000)
    ratio = tsos(gain * e, gain * s, 16000, threshold_power=1) - tsos(e, s, 16000, threshold_power=1)
    assert np.sign(ratio) == np.sign(gain - 1)


def speech_like(seconds=1.0, fs=16000):
    return 0.1 * np.random.default_rng(0).standard_normal(round(seconds * fs))


def test_tsos_of_what_is_known():
    s = speech_like()
    assert tsos(s, s, 16000) == 0
    assert tsos(2 * s, s, 16000) == 0
    assert tsos(0 * s, s, 16000) == 1
    with pytest.raises(Undefined, match="silent reference"):
        tsos(s, 0 * s, 16000)


@pytest.mark.parametrize("fs", [8000, 16000])
def test_tsos_counts_the_frames_that_were_cut(fs):
    """Half a second of one is silenced: frames of 20 ms, one every 10 ms, the last filled up."""
    s = speech_like(fs=fs)
    e = s.copy()
    e[: fs // 2] = 0
    # 99 in all; frames 0 to 48 lie in what is cut, half of frame 49.
    assert round(99 * tsos(e, s, fs), 6) in (49, 50)


def test_silent_frames_can_be_left_out():
    s = speech_like()
    s[:8000] = 1e-6 * speech_like(0.5)
    e = s.copy()
    e[8000:] *= 0.001
    whole, loud = (tsos(e, s, 16000, silence_db=db) for db in (None, 40))
    assert loud == 1
    assert whole == pytest.approx(0.5, abs=0.02)


def test_tsos_of_less_than_a_frame():
    assert tsos(np.array([1.0, 0.5, -1.0]), np.array([1.0, 0.5, -1.0]), 16000) == 0
