"""Centred log-mel and MFCC against torchaudio and a float64 reference."""

import math

import numpy as np
import pytest
import scipy.fft
import torch
import torchaudio

from toolkit.features.log_mel import LogMelSpectrogram, cosine_transform, hertz_filters

SEED_MFCC = {"preemphasis": 0.0, "n_mels": 80, "low_hz": 20.0, "high_hz": 7600.0, "n_mfcc": 80}


def noise(batch=1, length=16000, level=0.1):
    return level * torch.randn(batch, length, generator=torch.Generator().manual_seed(0))


def reference(wav, n_mels=64, n_fft=512, floor=1e-6):
    """log(mel energies + floor) of one 16 kHz recording (N,) in float64, frame by frame."""
    x = np.asarray(wav, float)
    x = x - 0.97 * np.r_[x[1], x[:-1]]
    x = np.pad(x, n_fft // 2, mode="reflect")
    hamming = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 400)
    window = np.pad(hamming, (n_fft - 400) // 2)
    starts = range(0, len(wav) + 1, 160)
    power = np.abs([np.fft.rfft(window * x[s : s + n_fft]) for s in starts]) ** 2
    hertz = np.arange(n_fft // 2 + 1) * 16000 / n_fft
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), n_mels + 2) / 2595) - 1)
    filters = [np.interp(hertz, edges[m : m + 3], [0, 1, 0]) for m in range(n_mels)]
    return np.log(power @ np.array(filters).T + floor)


@pytest.mark.parametrize("level", [0.1, 1e-3])
@pytest.mark.parametrize("n_fft", [512, 1024])
def test_against_float64(level, n_fft):
    wav = noise(length=16123, level=level)
    made, none = LogMelSpectrogram(n_fft=n_fft)(wav)
    truth = reference(wav[0].numpy(), n_fft=n_fft)
    assert none is None
    assert made[0].numpy() == pytest.approx(truth, abs=2e-4)


def test_it_is_torchaudios_mel_spectrogram():
    theirs = torchaudio.transforms.MelSpectrogram(
        16000, n_fft=512, win_length=400, hop_length=160, n_mels=64, window_fn=torch.hamming_window
    )
    wav = noise(2)
    made, _ = LogMelSpectrogram(preemphasis=0.0)(wav)
    torch.testing.assert_close(made, (theirs(wav) + 1e-6).log().transpose(1, 2), atol=2e-3, rtol=0)


def test_mfcc_is_torchaudios():
    options = {"n_fft": 512, "win_length": 400, "hop_length": 160, "n_mels": 80, "f_min": 20.0, "f_max": 7600.0}
    theirs = torchaudio.transforms.MFCC(
        16000, 80, log_mels=True, melkwargs={**options, "window_fn": torch.hamming_window}
    )
    wav = noise(2)
    made, _ = LogMelSpectrogram(**SEED_MFCC)(wav)
    torch.testing.assert_close(made, theirs(wav).transpose(1, 2), atol=1e-3, rtol=0)


def test_cosine_transform_is_orthonormal_and_scipys():
    assert cosine_transform(20, 20).numpy() == pytest.approx(scipy.fft.dct(np.eye(20), norm="ortho"), abs=1e-6)
    torch.testing.assert_close(cosine_transform(8, 8).T @ cosine_transform(8, 8), torch.eye(8), atol=1e-6, rtol=0)


def test_filters_are_torchaudios():
    theirs = torchaudio.functional.melscale_fbanks(257, 20.0, 7600.0, 64, 16000)
    torch.testing.assert_close(hertz_filters(64, 512, 16000, 20.0, 7600.0), theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("options", [{}, {"preemphasis": 0.0}, SEED_MFCC])
def test_padding_and_company_change_nothing(options):
    """Also for utterances shorter than half a transform, down to a single sample."""
    lengths = torch.tensor([5000, 4321, 700, 256, 100, 2, 1])
    front, batch = LogMelSpectrogram(**options), noise(len(lengths), 5000)
    feats, frames = front(batch, lengths)
    assert frames.tolist() == [front.num_frames(int(n)) for n in lengths] == [32, 28, 5, 2, 1, 1, 1]
    for row, length, count, wav in zip(feats, lengths, frames, batch, strict=True):
        alone, _ = front(wav[None, :length])
        assert alone.shape[1:] == (count, front.dim)
        torch.testing.assert_close(row[:count], alone[0], atol=1e-3, rtol=0)
        assert not row[count:].any()


def test_silence_is_the_floor():
    assert LogMelSpectrogram()(torch.zeros(1, 1000))[0].unique().tolist() == pytest.approx([math.log(1e-6)])


def test_many_short_parts_make_the_same_frames(monkeypatch):
    wav = noise(1, 160 * 700)
    whole, _ = LogMelSpectrogram()(wav)
    monkeypatch.setattr("toolkit.features.kaldi_fbank._CHUNK", 7)
    torch.testing.assert_close(LogMelSpectrogram()(wav)[0], whole, atol=1e-4, rtol=0)


def test_conf_makes_the_same_front_end():
    conf = LogMelSpectrogram(8000, n_mels=40, n_fft=256, window="hann", n_mfcc=13).conf()
    assert conf.pop("class") == "LogMelSpectrogram"
    assert LogMelSpectrogram(**conf).conf() == {"class": "LogMelSpectrogram", **conf}
    assert LogMelSpectrogram(**conf)(noise())[0].shape == (1, 201, 13)


def test_nothing_is_saved_with_a_model():
    assert not LogMelSpectrogram().state_dict()


@pytest.mark.parametrize(
    "wrong", [{"window": "povey"}, {"n_fft": 256}, {"n_mfcc": 65}, {"low_hz": 9000.0}, {"high_hz": 9000.0}]
)
def test_bad_arguments(wrong):
    with pytest.raises(ValueError, match=r"povey|shorter than a frame|n_mfcc 65|must be a band"):
        LogMelSpectrogram(**wrong)
