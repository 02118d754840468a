"""MFCC with deltas: the features whose clusters are the first units of HuBERT."""

import torch
import torchaudio
from torch import Tensor

from toolkit.features.frontend import FrontEnd
from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.nn.feature_norm import utterance_norm

_STEP_MS = 10  # between the frames of which deltas are taken


class MFCC(FrontEnd):
    """Cepstral coefficients, their deltas and delta-deltas, without their mean over the utterance.

    HuBERT clusters 39 of them (Hsu et al. 2021, section IV.B). The mean is subtracted, so that neither level nor
    channel decides the cluster. Frame t is centred on sample t * hop; N samples give 1 + N // hop frames.

    Args:
        fs: rate in Hz.
        hop_ms: shift of the frames in milliseconds, a multiple of 10.
        n_mfcc: number of coefficients.
        n_mels: number of mel filters.

    Raises:
        ValueError: ``hop_ms`` is not a multiple of 10; or as LogMelSpectrogram.

    Example::

        MFCC()(torch.randn(2, 16000))[0].shape  # (2, 51, 39)
    """

    def __init__(self, fs: int = 16000, hop_ms: int = 20, n_mfcc: int = 13, n_mels: int = 40):
        super().__init__()
        if hop_ms < _STEP_MS or hop_ms % _STEP_MS:
            raise ValueError(f"hop_ms {hop_ms}: must be a multiple of {_STEP_MS}")
        self._conf = {"fs": fs, "hop_ms": hop_ms, "n_mfcc": n_mfcc, "n_mels": n_mels}
        self.cepstra = LogMelSpectrogram(fs, n_mels, hop_ms=_STEP_MS, n_mfcc=n_mfcc)
        self.fs, self.dim, self._step = fs, 3 * n_mfcc, hop_ms // _STEP_MS

    def conf(self) -> dict:
        """Constructor arguments."""
        return {"class": type(self).__name__, **self._conf}

    def num_frames(self, num_samples: int) -> int:
        """See FrontEnd."""
        return -(-self.cepstra.num_frames(num_samples) // self._step)

    def forward(self, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """wav (B, N) in [-1, 1), lengths (B,) samples -> features (B, T, 3 n_mfcc), (B,) frames; padding is zero."""
        statics, frames = self.cepstra(wav, lengths)
        deltas = _deltas(statics, frames)
        feats = torch.cat([statics, deltas, _deltas(deltas, frames)], 2)[:, :: self._step]
        frames = None if frames is None else -frames.neg().div(self._step, rounding_mode="floor")
        return utterance_norm(feats, frames, variance=False), frames


def _deltas(x: Tensor, frames: Tensor | None) -> Tensor:
    """Deltas over 5 frames, (B, T, F) -> (B, T, F); beyond its ends an utterance continues with its end frames."""
    if frames is not None:
        places = torch.arange(x.shape[1], device=x.device).minimum(frames[:, None] - 1)
        x = x.gather(1, places[:, :, None].expand_as(x))
    return torchaudio.functional.compute_deltas(x.transpose(1, 2)).transpose(1, 2)
