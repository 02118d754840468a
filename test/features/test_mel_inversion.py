"""Masks on mel filters back to audio: nothing is lost, masks act where and when they should, oracles help."""

import math

import numpy as np
import pytest
import torch
from conftest import voice

from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.features.mel_inversion import MelInversion, centres, share_mask, wiener_mask
from toolkit.io.errors import InputError
from toolkit.metrics.signal.intrusive import si_sdr

FRONTENDS = {
    "centred": LogMelSpectrogram(),
    "centred, hann, 1024": LogMelSpectrogram(n_fft=1024, window="hann"),
    "centred, 8 kHz, band": LogMelSpectrogram(fs=8000, n_fft=256, n_mels=40, low_hz=100, high_hz=3600),
    "kaldi": KaldiFbank(),
    "kaldi, hann": KaldiFbank(window="hann", n_mels=40),
}
every_frontend = pytest.mark.parametrize("frontend", FRONTENDS.values(), ids=FRONTENDS)


def noise(length, batch=1, seed=0):
    return 0.1 * torch.randn(batch, length, generator=torch.Generator().manual_seed(seed))


@every_frontend
@pytest.mark.parametrize("length", [1, 159, 160, 401, 16000, 16123])
def test_a_mask_of_ones_gives_the_input_back(frontend, length):
    wav = noise(length, batch=2)
    frames = frontend(wav)[0].shape[1]
    made = MelInversion(frontend)(wav, torch.ones(2, frames, frontend.dim))
    assert made.shape == wav.shape
    assert torch.allclose(made, wav, atol=1e-6)


@every_frontend
def test_parts_sum_to_the_mixture(frontend):
    wav = noise(8000)
    mask = torch.rand(1, frontend(wav)[0].shape[1], frontend.dim)
    back = MelInversion(frontend)
    assert torch.allclose(back(wav, mask) + back(wav, 1 - mask), wav, atol=1e-6)
    assert 0.1 < back(wav, mask).std() / wav.std() < 0.9


@every_frontend
def test_a_mask_acts_on_the_band_of_its_filters(frontend):
    t = torch.arange(frontend.fs) / frontend.fs
    low, high = (torch.sin(2 * math.pi * hz * t)[None] for hz in (500, 2500))
    mask = (centres(frontend) < 1200).float().expand(1, frontend(low)[0].shape[1], -1)
    kept = MelInversion(frontend)(low + high, mask)[0, 800:-800]  # a tone cut off has all frequencies at its ends
    assert si_sdr(kept.numpy(), low[0, 800:-800].numpy()) > 50


@every_frontend
def test_a_mask_acts_when_its_frames_are(frontend):
    wav = noise(frontend.fs)
    frames, hop = frontend(wav)[0].shape[1], frontend.hop
    mask = torch.zeros(1, frames, frontend.dim)
    mask[:, 40:] = 1
    made = MelInversion(frontend)(wav, mask)
    centre = 40 * hop + (
        frontend.frame // 2 if isinstance(frontend, KaldiFbank) else 0
    )  # of the first frame that counts
    assert made[:, : centre - frontend.frame // 2].abs().max() < 1e-6
    assert torch.allclose(
        made[:, centre - hop + frontend.frame // 2 :], wav[:, centre - hop + frontend.frame // 2 :], atol=1e-6
    )
    assert made[:, centre - hop : centre].std() > 0.2 * wav.std()


@pytest.mark.parametrize("snr", [0.0, 10.0])
@pytest.mark.parametrize("name", ["centred", "centred, hann, 1024", "kaldi"])
def test_an_oracle_raises_the_si_sdr(name, snr):
    frontend = FRONTENDS[name]
    speech = torch.from_numpy(voice(1, 0, 2.0))[None]
    other = noise(speech.shape[1])
    other *= speech.std() / other.std() / 10 ** (snr / 20)
    mixture = speech + other
    feats, expected, rest = (frontend(wav)[0] for wav in (mixture, speech, other))
    before = si_sdr(mixture[0].numpy(), speech[0].numpy())
    assert before == pytest.approx(snr, abs=0.3)
    for mask in (wiener_mask(expected, rest), share_mask(expected, feats)):
        assert si_sdr(MelInversion(frontend)(mixture, mask)[0].numpy(), speech[0].numpy()) > before + 7


def test_masks_are_shares_of_energy():
    three, one = torch.tensor([[[math.log(3.0), 1000.0]]]), torch.tensor([[[0.0, -1000.0]]])
    assert wiener_mask(three, one).flatten().tolist() == pytest.approx([0.75, 1.0])
    assert wiener_mask(one, three).flatten().tolist() == pytest.approx([0.25, 0.0])
    assert share_mask(one, three).flatten().tolist() == pytest.approx([1 / 3, 0.0])
    assert share_mask(three, one).flatten().tolist() == [1.0, 1.0]


@every_frontend
def test_centres_are_where_the_filters_peak(frontend):
    filters = frontend.filters[::2].numpy()
    spacing = frontend.fs / frontend.n_fft
    wide = np.flatnonzero((filters > 0).sum(0) > 4)
    peaks = filters[:, wide].argmax(0) * spacing
    assert len(wide) > 10
    assert np.abs(peaks - centres(frontend).numpy()[wide]).max() <= spacing


@pytest.mark.parametrize(
    ("frontend", "message"),
    [
        (LogMelSpectrogram(n_mfcc=20), "LogMelSpectrogram: cannot"),
        (torch.nn.Identity(), "frontend Identity: "),
        (LogMelSpectrogram(hop_ms=13.0), "hop 208 samples"),
    ],
)
def test_what_cannot_be_undone_is_refused(frontend, message):
    with pytest.raises(InputError, match=message):
        MelInversion(frontend)
