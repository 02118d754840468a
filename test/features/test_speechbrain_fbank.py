"""Decibels of SpeechBrain's filters, against float64 and the package itself."""

import numpy as np
import pytest
import torch

from toolkit.features.speechbrain_fbank import SpeechBrainFbank


def noise(*shape, seed=0):
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def reference(wav, n_mels=80, top_db=80.0):
    """One 16 kHz recording (N,) in float64, frame by frame: filters symmetric about their centre."""
    x = np.pad(np.asarray(wav, float), 200)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.abs([np.fft.rfft(window * x[s : s + 400]) for s in range(0, len(wav) + 1, 160)]) ** 2
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), n_mels + 2) / 2595) - 1)
    hertz = np.arange(201) * 40
    sides = np.stack((edges[:-2], edges[1:-1], 2 * edges[1:-1] - edges[:-2]), 1)
    filters = [np.interp(hertz, side, [0, 1, 0]) for side in sides]
    decibels = 10 * np.log10(np.maximum(power @ np.array(filters).T, 1e-10))
    return np.maximum(decibels, decibels.max() - top_db)


@pytest.mark.parametrize("top_db", [80.0, 10.0])
def test_against_float64(top_db):
    wav = noise(1, 16123)
    feats, none = SpeechBrainFbank(top_db=top_db)(wav)
    assert none is None
    assert feats[0].numpy() == pytest.approx(reference(wav[0].numpy(), top_db=top_db), abs=2e-3)


def test_a_padded_utterance_has_the_features_that_it_has_alone():
    """Also where a frame beyond its end, which hears its last samples, would be the loudest."""
    wav, lengths = noise(3, 9000), torch.tensor([9000, 5001, 1])
    wav[1, 4990:] += 50
    frontend = SpeechBrainFbank(top_db=20)
    feats, frames = frontend(wav, lengths)
    assert frames.tolist() == [frontend.num_frames(int(n)) for n in lengths]
    for row, one, n, count in zip(feats, wav, lengths, frames, strict=True):
        torch.testing.assert_close(row[:count], frontend(one[None, :n])[0][0], atol=1e-3, rtol=0)
        assert not row[count:].any()


@pytest.mark.parametrize("wrong", [{"n_fft": 398}, {"n_fft": 401}, {"low_hz": 9000}, {"high_hz": 9000}, {"n_mels": 0}])
def test_bad_arguments(wrong):
    with pytest.raises(ValueError, match=r"n_fft|_hz|n_mels"):
        SpeechBrainFbank(**wrong)


def test_it_is_speechbrains():
    pytest.importorskip("speechbrain")
    from speechbrain.lobes.features import Fbank

    for wav in (noise(2, 16000), noise(1, 1601) * torch.linspace(0, 1, 1601) ** 8):
        torch.testing.assert_close(SpeechBrainFbank()(wav)[0], Fbank(n_mels=80)(wav), atol=1e-3, rtol=0)
