"""MFCC with deltas: by their formula, padding, places of the frames."""

import numpy as np
import pytest
import torch

from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.features.mfcc import MFCC


def deltas(x: np.ndarray) -> np.ndarray:
    """Sum over n of n (x[t + n] - x[t - n]) / (2 sum of n^2), n = 1, 2, over repeated ends."""
    padded = np.concatenate([x[:1], x[:1], x, x[-1:], x[-1:]])
    at = lambda n: padded[2 + n : 2 + n + len(x)]  # noqa: E731
    return (at(1) - at(-1) + 2 * (at(2) - at(-2))) / 10


@pytest.mark.parametrize("hop_ms", [10, 20, 40])
def test_deltas_by_their_formula(hop_ms):
    wav = 0.1 * torch.randn(1, 9000)
    statics = LogMelSpectrogram(n_mels=40, n_mfcc=13)(wav)[0][0].double().numpy()
    first = deltas(statics)
    expected = np.concatenate([statics, first, deltas(first)], 1)[:: hop_ms // 10]
    feats = MFCC(hop_ms=hop_ms)(wav)[0][0].numpy()
    np.testing.assert_allclose(feats, expected - expected.mean(0), atol=1e-4)


def test_an_utterance_does_not_depend_on_its_batch():
    features, lengths = MFCC(), torch.tensor([8000, 5123, 1600, 3])
    wav = 0.1 * torch.randn(4, 8000)
    together, frames = features(wav, lengths)
    for row, x, samples, count in zip(together, wav, lengths.tolist(), frames.tolist(), strict=True):
        assert count == features.num_frames(samples)
        torch.testing.assert_close(row[:count], features(x[None, :samples])[0][0], atol=1e-5, rtol=1e-5)
        assert not row[count:].any()


def test_neither_level_nor_a_fixed_filter_counts():
    """In cepstra, a factor of the spectrum is a sum, which the mean removes; the floor is far below."""
    wav = torch.randn(1, 16000)
    torch.testing.assert_close(MFCC()(0.2 * wav)[0], MFCC()(wav)[0], atol=1e-2, rtol=0)


@pytest.mark.parametrize("hop_ms", [0, 5, 15])
def test_hops_that_are_no_frames_are_refused(hop_ms):
    with pytest.raises(ValueError, match=f"hop_ms {hop_ms}"):
        MFCC(hop_ms=hop_ms)
