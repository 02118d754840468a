"""Complex STFT and its inverse, both differentiable, and compression of the magnitude that keeps the phase.

A spectrogram is (B, 2, F, T): real and imaginary part.
"""

from typing import TypeVar

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.nn.mask import length_mask

_POWER_FLOOR = 1e-12  # |X|^2 below which the compression is linear: -120 dB re a bin of magnitude 1
_MOST_SAMPLES = 2**20  # largest window
SHAPES = {"sqrt_hann": 0.5, "hann": 1.0}  # window -> power of the Hann window

_Count = TypeVar("_Count", int, Tensor)


class ComplexSTFT(nn.Module):
    """STFT with one window for analysis and synthesis; overlap-add is divided by the sum of squared windows.

    A recording is padded with ``window - hop`` zeros before and ``max(window - hop, 2 hop)`` zeros after it; an
    incomplete last frame is dropped. So all samples are covered and the inverse is exact for every length. N samples
    give (N + max(window - hop, 2 hop)) // hop frames, at least two.

    Args:
        window: frame length in samples, equal to the FFT size.
        hop: frame shift in samples, at most half a window.
        shape: window function, ``sqrt_hann`` or ``hann``, both periodic.

    Attributes:
        bins: F = window // 2 + 1.

    Raises:
        InputError: ``hop`` is not from 1 to half a window, ``window`` is too large, or ``shape`` is unknown.
    """

    taper: Tensor

    def __init__(self, window: int = 256, hop: int = 64, shape: str = "sqrt_hann"):
        super().__init__()
        if shape not in SHAPES:
            raise InputError(f"shape {shape!r}: must be one of {', '.join(SHAPES)}")
        if window > _MOST_SAMPLES:
            raise InputError(f"window {window}: must be at most {_MOST_SAMPLES} samples")
        if not 1 <= hop <= window // 2:
            raise InputError(f"hop {hop}: must be from 1 to {window // 2}, half a window of {window} samples")
        self.window, self.hop, self.bins = window, hop, window // 2 + 1
        taper = torch.signal.windows.hann(window, sym=False, dtype=torch.float64, device=torch.device("cpu"))
        self.register_buffer("taper", (taper ** SHAPES[shape]).float(), persistent=False)

    def num_frames(self, num_samples: _Count) -> _Count:
        """Number of frames of ``num_samples`` samples."""
        return (num_samples + max(self.window - self.hop, 2 * self.hop)) // self.hop

    def forward(self, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """wav (B, N), lengths (B,) samples or None (all N) -> (B, 2, F, T), and mask of valid frames (B, T) or None.

        Padding samples are replaced by zeros.
        """
        before, frames = self.window - self.hop, self.num_frames(wav.shape[1])
        if lengths is not None:
            wav = wav.masked_fill(~length_mask(lengths, wav.shape[1]), 0)
        behind = self._samples(frames) - before - wav.shape[1]
        pieces = nn.functional.pad(wav, (before, behind)).unfold(1, self.window, self.hop)
        spectrum = torch.view_as_real(torch.fft.rfft(pieces * self.taper)).permute(0, 3, 2, 1)
        return spectrum.contiguous(), None if lengths is None else length_mask(self.num_frames(lengths), frames)

    def inverse(self, spectrum: Tensor, num_samples: int) -> Tensor:
        """(B, 2, F, T) -> (B, ``num_samples``), the least-squares inverse."""
        bins = torch.view_as_complex(spectrum.permute(0, 3, 2, 1).contiguous())
        pieces = torch.fft.irfft(bins, self.window) * self.taper
        weight = self.taper.square().expand(1, pieces.shape[1], -1)
        inside = slice(self.window - self.hop, self.window - self.hop + num_samples)
        return self._overlapped(pieces)[:, inside] / self._overlapped(weight)[:, inside]

    def _samples(self, frames: int) -> int:
        return (frames - 1) * self.hop + self.window

    def _overlapped(self, pieces: Tensor) -> Tensor:
        """Overlap-add: frames (B, T, window) -> (B, samples)."""
        size, kernel, stride = (1, self._samples(pieces.shape[1])), (1, self.window), (1, self.hop)
        return nn.functional.fold(pieces.transpose(1, 2), size, kernel, stride=stride)[:, 0, 0]


def compress(spectrum: Tensor, power: float) -> Tensor:
    """|X|^power with the phase of X (Li et al. 2021, JASA Express Letters 1, 014802; SEF-PNet, eq. 1 and 2).

    Linear for |X| < 1e-6, so that the gradient is finite in silence.

    Args:
        spectrum: (B, 2, F, T).
        power: 0 < power <= 1; 1 changes nothing.
    """
    return spectrum * _energy(spectrum).clamp(min=_POWER_FLOOR) ** ((power - 1) / 2)


def decompress(spectrum: Tensor, power: float) -> Tensor:
    """Inverse of :func:`compress`: |X|^(1 / power) with the phase of X, (B, 2, F, T)."""
    return spectrum * _energy(spectrum).clamp(min=_POWER_FLOOR**power) ** ((1 / power - 1) / 2)


def magnitude(spectrum: Tensor) -> Tensor:
    """(B, 2, F, T) -> |X| (B, F, T), at least 1e-6, so that the gradient is finite in silence."""
    return _energy(spectrum).clamp(min=_POWER_FLOOR).sqrt()[:, 0]


def _energy(spectrum: Tensor) -> Tensor:
    return spectrum.square().sum(1, keepdim=True)
