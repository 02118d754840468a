"""Noises and music against what their names promise."""

from itertools import pairwise

import numpy as np
import pytest

from toolkit.simulate.minicorpus.music import STYLES, make_music, note
from toolkit.simulate.minicorpus.noise_synthesis import NOISES, hum, make_noise, pink, scatter, white


def octave_powers(samples: np.ndarray, lowest: float = 125.0, octaves: int = 6) -> np.ndarray:
    """(octaves,) power in dB from ``lowest`` Hz on."""
    power, frequency = np.abs(np.fft.rfft(samples)) ** 2, np.fft.rfftfreq(len(samples), 1 / 16000)
    edges = lowest * 2.0 ** np.arange(octaves + 1)
    return np.array([10 * np.log10(power[(frequency >= a) & (frequency < b)].sum()) for a, b in pairwise(edges)])


@pytest.mark.parametrize(("noise", "step"), [(white, 3.01), (pink, 0.0)])
def test_coloured_noise_has_its_slope(noise, step):
    steps = np.diff(octave_powers(noise(np.random.default_rng(0), 160000)))
    assert steps.mean() == pytest.approx(step, abs=0.2)


def test_hum_has_its_lines_at_mains_harmonics():
    spectrum = np.abs(np.fft.rfft(hum(np.random.default_rng(2), 160000)))
    strongest = np.argmax(spectrum) / 10  # Hz
    assert min(abs(strongest - k * mains) for k in range(1, 25) for mains in (50, 60)) < 0.2 + 0.002 * strongest


def test_scatter_puts_as_many_grains_as_asked():
    ones = scatter(np.random.default_rng(0), 16000 * 100, 20, lambda: np.ones(1))
    assert ones.sum() == pytest.approx(2000, abs=4 * 2000**0.5)


def test_recordings_of_a_kind_differ():
    for split, kinds in NOISES.items():
        for kind in kinds:
            one, two = (make_noise(split, kind, np.random.default_rng(seed))[:16000] for seed in (1, 2))
            assert abs(np.corrcoef(one, two)[0, 1]) < 0.5, kind


def test_note_has_its_pitch_and_nothing_above_half_the_rate():
    spectrum = np.abs(np.fft.rfft(note(69, 1.0, ((1,), 10.0, 0.01))))
    assert np.argmax(spectrum) == 440
    high = np.abs(np.fft.rfft(note(117, 1.0, ((1, 1), 10.0, 0.01))))  # 7040 Hz; its octave would fold to 1920 Hz
    assert high[1800:2000].max() < 0.01 * high[7040]


def test_training_and_test_music_share_nothing():
    train, test = STYLES["train"], STYLES["test"]
    for name in ("keys", "progressions", "timbres", "drums"):
        assert not set(getattr(train, name)) & set(getattr(test, name))
    assert not {key % 12 for key in train.keys} & {key % 12 for key in test.keys}
    assert 6 < len(make_music("test", np.random.default_rng(0))) / 16000 <= 10
