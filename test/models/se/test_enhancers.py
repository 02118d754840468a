"""Recordings of hours in chunks; what else an enhancer promises, see test/testing."""

import pytest
import torch
from torch import nn

from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.se.chunked import overlapped
from toolkit.models.se.conv_tasnet import ConvTasNet
from toolkit.models.se.demucs import Demucs
from toolkit.models.se.gtcrn import GTCRN

TINY_TASNET = {"filters": 16, "filter_samples": 16, "bottleneck": 6, "hidden": 8, "blocks": 3, "repeats": 2}


class Smooth(SpeechEnhancer):
    """Someone's own: a filter of 21 samples, and the way through long recordings that is there for any model."""

    fs = 16000

    def __init__(self):
        super().__init__()
        self.filter = nn.Conv1d(1, 1, 21, padding=10)

    def forward(self, wav):
        return self.filter(wav[:, None])[:, 0]


def conv_tasnet() -> ConvTasNet:
    return ConvTasNet(**TINY_TASNET)


def demucs() -> Demucs:
    """Channels enough that the LSTM is heard in the output."""
    return Demucs(hidden=8, depth=3)


def gtcrn() -> GTCRN:
    return GTCRN(window=64, hop=32, low_bins=9, erb_bands=8, channels=8)


@pytest.fixture(params=[conv_tasnet, demucs, gtcrn, Smooth], ids=["conv_tasnet", "demucs", "gtcrn", "own"])
def model(request) -> SpeechEnhancer:
    torch.manual_seed(0)
    return request.param().eval()


def speech(*shape: int) -> torch.Tensor:
    """Noise whose level rises and falls."""
    level = 0.1 + torch.sin(torch.arange(shape[-1]) / 3000).square()
    return 0.1 * level * torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("samples", [16000, 40001])
@pytest.mark.parametrize("chunk_seconds", [0.013, 0.1, 0.7])
def test_in_chunks_as_on_the_whole(model, samples, chunk_seconds):
    """Everywhere, seams included: gLN and the standard deviation of all of it, the LSTM's state handed on."""
    wav = speech(samples)
    with torch.inference_mode():
        whole = model(wav[None])[0]
    parts = model.enhance(wav, chunk_seconds)
    assert parts.shape == wav.shape
    bound = 2e-6 * whole.abs().max()
    if isinstance(model, Smooth):  # chunks see no further than their ends
        overlap = max(4, round(16000 * chunk_seconds)) // 4
        assert overlap > 40
        starts = range(3 * overlap, samples, max(4, round(16000 * chunk_seconds)) - overlap)
        seams = torch.zeros(samples, dtype=torch.bool)
        for start in starts:
            seams[start - 12 : start + overlap + 12] = True
        assert not (parts - whole)[~seams].abs().max() > bound
        bound = 0.1 * whole.abs().max()
    assert (parts - whole).abs().max() < bound


def test_a_long_silence_in_chunks(model):
    assert model.enhance(torch.zeros(20000), 0.1).isfinite().all()


# --- overlapping chunks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [1, 7, 8, 9, 10, 11, 12, 13, 29, 100])
def test_cross_fades_add_up_to_one(samples):
    """What changes nothing is the same in chunks."""
    wav = torch.rand(samples)
    torch.testing.assert_close(overlapped(lambda x: x.clone(), wav, chunk=8, overlap=3), wav)


def test_cross_fades_are_linear():
    """The first chunk is heard as ones, the second as zeros."""
    calls = iter([1.0, 0.0])
    out = overlapped(lambda x: torch.full_like(x, next(calls)), torch.zeros(12), chunk=8, overlap=3)
    assert out.tolist() == [1] * 5 + [0.75, 0.5, 0.25] + [0] * 4
