"""Log-mel energies against Kaldi's own code and a float64 reference."""

import numpy as np
import pytest
import torch

from toolkit.features.kaldi_fbank import KaldiFbank, mel_filters

EPS = np.finfo(np.float32).eps


def mel(hz):
    return 1127 * np.log(1 + np.asarray(hz, float) / 700)


def reference(wav, fs=16000, n_mels=80, low=20.0, high=None, window="povey"):
    """Kaldi's fbank in float64, frame by frame."""
    frame, hop, high = fs * 25 // 1000, fs // 100, high or fs / 2
    size = 1 << (frame - 1).bit_length()
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / (frame - 1))
    taper = {"povey": hann**0.85, "hann": hann, "hamming": 0.08 + 0.92 * hann}[window]
    edges, bins = np.linspace(mel(low), mel(high), n_mels + 2), mel(np.arange(size // 2) * fs / size)
    filters = [np.interp(bins, edges[m : m + 3], [0, 1, 0]) for m in range(n_mels)]
    out = []
    for start in range(0, len(wav) - frame + 1, hop):
        x = 32768 * np.asarray(wav[start : start + frame], float)
        x = x - x.mean()
        x = taper * (x - 0.97 * np.r_[x[0], x[:-1]])
        out.append(np.log(np.maximum(filters @ np.abs(np.fft.rfft(x, size)[:-1]) ** 2, EPS)))
    return np.array(out)


def kaldi_options(fs=16000, window="povey", **mel_options):
    """kaldi-native-fbank and its options."""
    knf = pytest.importorskip("kaldi_native_fbank")
    options = knf.FbankOptions()
    options.frame_opts.dither, options.frame_opts.samp_freq = 0, fs
    options.frame_opts.window_type = window
    for key, value in {"num_bins": 80, **mel_options}.items():
        setattr(options.mel_opts, key, value)
    return knf, options


def kaldi(wav, fs=16000, **options):
    """The features of kaldi-native-fbank."""
    knf, options = kaldi_options(fs, **options)
    computer = knf.OnlineFbank(options)
    computer.accept_waveform(fs, 32768 * wav)
    return np.stack([computer.get_frame(i) for i in range(computer.num_frames_ready)])


def ours(wav, *args, **kwargs):
    return KaldiFbank(*args, **kwargs)(torch.from_numpy(wav)[None])[0][0].numpy()


def noise(length=32000, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).standard_normal(length)).astype(np.float32)


def speech(fs, seconds=2.0):
    """Voiced syllables and pauses over a faint floor, 16 bits."""
    t = np.arange(round(seconds * fs)) / fs
    voiced = sum(np.sin(2 * np.pi * (110 + 15 * np.sin(3 * t)) * k * t) / k for k in range(1, 25))
    sound = 0.1 * voiced * np.maximum(0, np.sin(2 * np.pi * 2.5 * t)) + noise(len(t), 1e-3)
    return (np.rint(32768 * sound) / 32768).astype(np.float32)


SIGNALS = {"noise": lambda fs: noise(), "quiet": lambda fs: noise(level=1e-4), "speech": speech}
SIGNALS["offset"] = lambda fs: noise(level=0.01) + np.float32(0.1)


def loud(feats):
    """Where a filter is within 40 dB of its frame's loudest; the rounding of float32 shows below."""
    where = feats > feats.max(1, keepdims=True) - 4 * np.log(10)
    assert where.mean() > 0.5
    return where


@pytest.mark.parametrize(("fs", "within"), [(16000, 1e-4), (8000, 1.5e-4)])
@pytest.mark.parametrize("signal", SIGNALS)
def test_equal_to_kaldi(fs, within, signal):
    wav = SIGNALS[signal](fs)
    made, theirs, truth = ours(wav, fs), kaldi(wav, fs), reference(wav, fs)
    assert made.shape == theirs.shape == truth.shape
    assert np.abs(made - theirs)[loud(truth)].max() < within
    assert np.abs(made - truth).mean() <= np.abs(theirs - truth).mean()


@pytest.mark.parametrize("fs", [16000, 8000])
@pytest.mark.parametrize("signal", SIGNALS)
def test_what_differs_is_the_rounding_of_kaldis_filters(fs, signal):
    knf, options = kaldi_options(fs)
    wav, theirs = SIGNALS[signal](fs), kaldi(SIGNALS[signal](fs), fs)
    front = KaldiFbank(fs)
    filters = torch.from_numpy(knf.MelBanks(options.mel_opts, options.frame_opts).get_matrix().T.copy())
    assert (filters.repeat_interleave(2, 0) - front.filters).abs().max() < 2e-5
    front.filters.copy_(filters.repeat_interleave(2, 0))
    made = front(torch.from_numpy(wav)[None])[0][0].numpy()
    assert np.abs(made - theirs)[loud(theirs)].max() < 5e-5


@pytest.mark.parametrize("window", ["povey", "hamming", "hann"])
@pytest.mark.parametrize("signal", ["noise", "speech"])
def test_windows_against_float64(window, signal):
    wav = SIGNALS[signal](16000)
    made, truth = ours(wav, window=window), reference(wav, window=window)
    assert np.abs(made - truth)[loud(truth)].max() < 3e-5


@pytest.mark.parametrize(("window", "theirs"), [("hamming", "hamming"), ("hann", "hanning")])
def test_windows_against_kaldi(window, theirs):
    assert ours(noise(), window=window) == pytest.approx(kaldi(noise(), window=theirs), abs=1e-3)


@pytest.mark.parametrize(("low_hz", "high_hz"), [(64.0, 0.0), (64.0, -400.0), (0.0, 3700.0), (0.0, 8000.0)])
def test_the_upper_edge_counts_from_the_nyquist_frequency(low_hz, high_hz):
    made = ours(noise(), n_mels=40, low_hz=low_hz, high_hz=high_hz)
    truth = reference(noise(), n_mels=40, low=low_hz, high=high_hz if high_hz > 0 else 8000 + high_hz)
    assert made == pytest.approx(truth, abs=1e-3)
    assert made == pytest.approx(kaldi(noise(), num_bins=40, low_freq=low_hz, high_freq=high_hz), abs=1e-3)


def test_a_frame_of_broken_length_is_cut_as_kaldi_does():
    wav = noise(5000)
    assert ours(wav, 11025, n_mels=40) == pytest.approx(kaldi(wav, 11025, num_bins=40), abs=1e-3)


@pytest.mark.parametrize("value", [0, 9831, -32768])
def test_silence_is_the_floor_whatever_its_offset(value):
    assert (ours(np.full(4000, value / 32768, np.float32)) == np.log(EPS)).all()


def test_a_frame_is_made_of_its_own_samples():
    """Every frame of a long recording, and of a batch of it, is that of its 400 samples alone."""
    wav = torch.from_numpy(noise(160 * 700))
    alone, _ = KaldiFbank()(wav.unfold(0, 400, 160))
    together, _ = KaldiFbank()(wav.expand(3, -1))
    assert (together - alone.transpose(0, 1)).abs().max() < 2e-5


def test_padding_and_company_change_nothing():
    """Whatever stands behind an utterance, its frames are those it has alone; frames beyond are zero."""
    lengths = torch.tensor([20000, 7777, 32000, 100])
    batch = torch.stack([torch.from_numpy(noise(seed=seed)) for seed in range(4)])
    batch[3, 100:] = 0  # an utterance shorter than a frame is padded with zeros
    feats, frames = KaldiFbank()(batch, lengths)
    assert frames.tolist() == [KaldiFbank().num_frames(int(n)) for n in lengths] == [123, 47, 198, 1]
    for row, length, count, wav in zip(feats, lengths, frames, batch, strict=True):
        alone, none = KaldiFbank()(wav[None, :length])
        assert none is None
        assert alone.shape[1] == count
        assert (row[:count] - alone[0]).abs().max() < 2e-5
        assert not row[count:].any()


@pytest.mark.parametrize("fs", [16000, 8000])
def test_frames_are_counted_as_they_are_made(fs):
    frame, hop = fs // 40, fs // 100
    front = KaldiFbank(fs)
    for length in [1, frame - 1, frame, frame + hop - 1, frame + hop, 5 * frame]:
        whole = sum(start + frame <= length for start in range(0, length, hop))
        assert front.num_frames(length) == max(1, whole)
        assert front(torch.zeros(1, length))[0].shape == (1, max(1, whole), 80)


def test_a_short_utterance_is_padded_to_a_frame():
    wav = noise(150)
    assert ours(wav) == pytest.approx(reference(np.pad(wav, (0, 250))), abs=1e-3)


def test_mel_filters_overlap_to_one_and_stay_in_the_band():
    filters = mel_filters(40, 512, 16000, 100.0, 7000.0).double().numpy()
    hertz, centres = np.arange(256) * 16000 / 512, np.linspace(mel(100), mel(7000), 42)[1:-1]
    inside = (mel(hertz) >= centres[0]) & (mel(hertz) <= centres[-1])
    assert filters.shape == (256, 40)
    assert filters.min() == 0
    assert filters[inside].sum(1) == pytest.approx(1, abs=1e-6)
    assert not filters[(hertz <= 100) | (hertz >= 7000)].any()
    assert (np.diff(filters.argmax(0)) >= 0).all()


def test_gradients_are_those_of_finite_differences():
    front, wav = KaldiFbank(n_mels=20, window="hamming"), torch.from_numpy(noise(2000))[None]
    step = torch.from_numpy(noise(2000, 1e-4, seed=1))[None]
    (slope,) = torch.autograd.grad(front(wav.requires_grad_())[0].sum(), wav)
    with torch.no_grad():
        rise = (front(wav + step)[0].double().sum() - front(wav - step)[0].double().sum()) / 2
    assert float((slope * step).sum()) == pytest.approx(float(rise), rel=1e-3)


def test_conf_makes_the_same_front_end():
    conf = KaldiFbank(8000, n_mels=40, window="hann", high_hz=-200.0).conf()
    assert conf.pop("class") == "KaldiFbank"
    assert KaldiFbank(**conf).conf() == {"class": "KaldiFbank", **conf}
    assert ours(noise(), **conf) == pytest.approx(ours(noise(), 8000, n_mels=40, window="hann", high_hz=3800.0))


def test_nothing_is_saved_with_a_model():
    assert not KaldiFbank().state_dict()


@pytest.mark.parametrize(
    "wrong", [{"window": "kaiser"}, {"low_hz": 400.0, "high_hz": 400.0}, {"high_hz": 9000.0}, {"low_hz": -1.0}]
)
def test_bad_arguments(wrong):
    with pytest.raises(ValueError, match=r"kaiser|0 to 8000 Hz"):
        KaldiFbank(**wrong)
