"""Mel energies against librosa, where it is installed, and against a float64 reference."""

import math

import numpy as np
import pytest
import torch

from toolkit.features.mel_power import MelPower, slaney_filters


def noise(batch=1, length=16000, level=0.1):
    return level * torch.randn(batch, length, generator=torch.Generator().manual_seed(0))


def slaney_hz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def reference(wav) -> np.ndarray:
    """Mel energies (T, 40) of one 16 kHz recording (N,) in float64, frame by frame."""
    top = 15 + 27 * math.log(8) / math.log(6.4)
    edges = [slaney_hz(m) for m in np.linspace(0, top, 42)]
    hertz = np.arange(201) * 40.0
    filters = [np.interp(hertz, edges[m : m + 3], [0, 2 / (edges[m + 2] - edges[m]), 0]) for m in range(40)]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    x = np.pad(np.asarray(wav, float), 200 + 400)
    starts = range(400, 400 + len(wav) + 320 + 1, 160)
    return np.abs([np.fft.rfft(window * x[s : s + 400]) for s in starts]) ** 2 @ np.array(filters).T


@pytest.mark.parametrize("length", [16123, 160, 1])
def test_against_float64(length):
    wav = noise(length=length)
    made, none = MelPower(target_dbfs=None)(wav)
    truth = reference(wav[0].numpy())
    assert none is None
    assert made.shape == (1, 3 + length // 160, 40)
    assert made[0].numpy() == pytest.approx(truth, rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("fs", [8000, 16000])
def test_against_librosa(fs):
    librosa = pytest.importorskip("librosa")
    wav = noise(length=16123)
    frame, hop = fs // 40, fs // 100
    theirs = librosa.feature.melspectrogram(y=wav[0].numpy(), sr=fs, n_fft=frame, hop_length=hop, n_mels=40).T
    made, _ = MelPower(fs, target_dbfs=None)(wav)
    assert made[0, : len(theirs)].numpy() == pytest.approx(theirs, rel=1e-4, abs=1e-7)


def test_filters_have_unit_area():
    assert (slaney_filters(10, 4000, 16000).sum(0) * 4).numpy() == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("target_dbfs", [None, -30.0, -6.0])
def test_padding_and_company_change_nothing(target_dbfs):
    lengths = torch.tensor([5000, 4321, 700, 256, 100, 2, 1])
    front, batch = MelPower(target_dbfs=target_dbfs), noise(len(lengths), 5000)
    feats, frames = front(batch, lengths)
    assert frames.tolist() == [front.num_frames(int(n)) for n in lengths] == [34, 30, 7, 4, 3, 3, 3]
    for row, length, count, wav in zip(feats, lengths, frames, batch, strict=True):
        alone, _ = front(wav[None, :length])
        torch.testing.assert_close(row[:count], alone[0], atol=1e-6, rtol=1e-4)
        assert not row[count:].any()


def test_quiet_recordings_are_raised_and_loud_ones_stay():
    plain, raised = MelPower(target_dbfs=None), MelPower(target_dbfs=-20.0)
    quiet = noise()
    quiet = quiet / quiet.square().mean().sqrt() * 10 ** (-26 / 20)
    torch.testing.assert_close(raised(quiet)[0], 10**0.6 * plain(quiet)[0], atol=1e-9, rtol=1e-4)
    torch.testing.assert_close(raised(10 * quiet)[0], plain(10 * quiet)[0])


def test_silence_is_zero():
    silence = torch.zeros(1, 1000, requires_grad=True)
    feats = MelPower()(silence)[0]
    assert not feats.any()
    feats.sum().backward()
    assert silence.grad.isfinite().all()


def test_conf_makes_the_same_front_end():
    conf = MelPower(8000, n_mels=20, target_dbfs=None).conf()
    assert conf.pop("class") == "MelPower"
    assert MelPower(**conf).conf() == {"class": "MelPower", **conf}
    assert MelPower(**conf)(noise())[0].shape == (1, 203, 20)


def test_nothing_is_saved_with_a_model():
    assert not MelPower().state_dict()


def test_too_many_filters():
    with pytest.raises(ValueError, match="n_mels"):
        MelPower(n_mels=2**20)
