"""Filterbank features.

80 log-mel energies of 25 ms frames every 10 ms, without dither, from one waveform in memory at 16 kHz, as an extraction
stage computes them, an utterance at a time. The peers are Kaldi's definition in torch (torchaudio), Kaldi's C++ code
called from Python (kaldi-native-fbank, whose features are fetched frame by frame, for it has no other way), and
lhotse's with the edges and the band of Kaldi's. Of the filters within 40 dB of the loudest of their frame, 99.9 % must
agree to 1e-4 and all to 1e-3; below that the rounding of float32 shows in everyone's. (torchaudio is furthest off;
test/features/test_mel.py holds ours against float64.)
"""

import numpy as np
import torch
from benchmark.corpus import FS, speech
from benchmark.harness import Peer, compare, row

from toolkit.features.kaldi_fbank import KaldiFbank


def near(ours: torch.Tensor, theirs) -> None:
    """Loud filters agree."""
    ours, theirs = ours.squeeze(0).numpy(), np.asarray(theirs)
    assert ours.shape == theirs.shape, f"shapes {ours.shape} and {theirs.shape}"
    off = np.abs(ours - theirs)[theirs > theirs.max(1, keepdims=True) - 4 * np.log(10)]
    assert np.quantile(off, 0.999) < 1e-4, f"off by {np.quantile(off, 0.999):.1e} in one of a thousand"
    assert off.max() < 1e-3, f"off by {off.max():.1e}"


def torchaudio_of(wav: np.ndarray):
    """torchaudio.compliance.kaldi."""
    from torchaudio.compliance import kaldi

    scaled, options = 32768 * torch.from_numpy(wav)[None], {"num_mel_bins": 80, "dither": 0.0}
    return lambda: kaldi.fbank(scaled, sample_frequency=FS, **options)


def kaldi_native_of(wav: np.ndarray):
    """kaldi-native-fbank."""
    import kaldi_native_fbank as knf

    options, scaled = knf.FbankOptions(), 32768 * wav
    options.frame_opts.dither, options.frame_opts.samp_freq, options.mel_opts.num_bins = 0, FS, 80

    def fbank():
        computer = knf.OnlineFbank(options)
        computer.accept_waveform(FS, scaled)
        computer.input_finished()
        return np.stack([computer.get_frame(i) for i in range(computer.num_frames_ready)])

    return fbank


def lhotse_of(wav: np.ndarray):
    """lhotse."""
    from lhotse import Fbank, FbankConfig

    extractor = Fbank(FbankConfig(sampling_rate=FS, num_mel_bins=80, dither=0.0, snip_edges=True, high_freq=0.0))
    scaled = 32768 * wav
    return lambda: extractor.extract(scaled, FS)


def fbank(seconds: float):
    """One length against all peers."""
    wav, front = speech(seconds), KaldiFbank(FS)
    peers = [
        Peer("torchaudio.compliance.kaldi", lambda: torchaudio_of(wav), "torchaudio", target=1.8),
        Peer("Python API", lambda: kaldi_native_of(wav), "kaldi-native-fbank", target=5),
        Peer("Fbank", lambda: lhotse_of(wav), "lhotse"),
    ]
    with torch.inference_mode():
        ours = lambda: front(torch.from_numpy(wav)[None])[0]  # noqa: E731
        return compare(ours, peers, agree=near, amount=seconds, unit="x real time", seconds=0.05)


for length in (2, 10, 60):
    row(f"fbank of {length} s")(lambda seconds=length: fbank(seconds))
