"""Facts of recordings that are made to have them."""

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from toolkit.metrics.signal.recording_quality import estimate_snr, recording_quality

FS = 16000
RNG = np.random.default_rng(0)
T = np.arange(4 * FS) / FS
BURSTS = 0.2 * RNG.standard_normal(4 * FS) * (np.sin(2 * np.pi * T) > 0)  # half of the time


@pytest.mark.parametrize("snr", [0, 10, 20, 30])
def test_snr_of_bursts_in_noise(snr):
    """The SNR of the active half: power 0.04 over that of the noise."""
    noise = 0.2 * 10 ** (-snr / 20) * RNG.standard_normal(4 * FS)
    assert estimate_snr(BURSTS + noise, FS) == pytest.approx(snr, abs=1.5)


@pytest.mark.parametrize("samples", [np.zeros(FS), np.zeros(0), np.ones(10) * 0.1])
def test_snr_of_nothing(samples):
    assert np.isnan(estimate_snr(samples, FS))


def test_length_and_level():
    quality = recording_quality(BURSTS, FS)
    assert quality.seconds == 4
    assert quality.active_seconds == pytest.approx(2, abs=0.1)
    assert quality.level_dbfs == pytest.approx(20 * np.log10(0.2 / np.sqrt(2)), abs=0.1)


def test_clipped_samples_are_counted():
    tone = np.sin(2 * np.pi * 100 * T)
    assert recording_quality(0.9 * tone, FS).clipped == 0
    clipped = np.clip(tone, -0.5, 0.5)
    assert recording_quality(clipped, FS).clipped == pytest.approx((np.abs(tone) >= 0.5).mean(), abs=1e-3)
    assert recording_quality(np.round(clipped * 32767) / 32768, FS).clipped > 0.5


def test_bandwidth():
    low = sosfilt(butter(16, 3400, fs=FS, output="sos"), BURSTS)
    assert recording_quality(low, FS).high_band_db < -60
    assert recording_quality(BURSTS, FS).high_band_db == pytest.approx(10 * np.log10(3.6 / 8), abs=0.3)
    assert recording_quality(BURSTS, 8000).high_band_db == -np.inf


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (BURSTS, []),
        (np.zeros(FS), ["silence"]),
        (BURSTS[: FS // 10], ["short"]),
        (BURSTS / 1000, ["nearly silent"]),
        (np.clip(4 * BURSTS, -0.5, 0.5), ["clipped"]),
        (sosfilt(butter(16, 3400, fs=FS, output="sos"), BURSTS), ["narrow-band"]),
    ],
)
def test_warnings_name_the_fault(samples, words):
    faults = recording_quality(samples, FS).warnings(FS)
    assert len(faults) == len(words)
    assert all(word in fault for word, fault in zip(words, faults, strict=True))


def test_a_narrow_band_system_expects_no_more():
    assert not recording_quality(BURSTS, 8000).warnings(8000)
