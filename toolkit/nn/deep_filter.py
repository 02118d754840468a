"""Deep filter: a complex filter over the neighbours of every bin of a spectrogram."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit.io.errors import InputError

ACTIVATIONS = ("linear", "gated")


class DeepFilter(nn.Module):
    """A complex filter over frames and bins around each bin (Mack and Habets 2020, SPL 27, eq. 3).

    Y(t, f) = sum of H_{l,i}(t, f) X(t + l, f + i) over l = -L to L and i = -I to I; X is zero outside.

    Channels are ordered by l, then i, then real and imaginary part. Taps are the channels (``linear``), or ``gated``,
    in (-1, 1): tanh(a) sigma(b), with a the first and b the second half of twice as many channels.

    Args:
        frames: L, number of frames on each side; 0: only the same frame.
        bins: I, number of bins on each side.
        activation: ``linear`` or ``gated``.

    Attributes:
        taps: number of taps, (2L + 1) (2I + 1).
        channels: required number of channels: 2 ``taps``, or 4 ``taps`` if gated.

    Raises:
        InputError: ``frames`` or ``bins`` is below 0, or ``activation`` is unknown.

    Example::

        DeepFilter(2, 1)(torch.randn(2, 30, 161, 100), torch.randn(2, 2, 161, 100)).shape  # (2, 2, 161, 100)
    """

    def __init__(self, frames: int = 2, bins: int = 1, activation: str = "linear"):
        super().__init__()
        if min(frames, bins) < 0:
            raise InputError(f"deep filter over {frames} frames and {bins} bins to each side: must be 0 or more")
        if activation not in ACTIVATIONS:
            raise InputError(f"taps {activation!r}: must be one of {', '.join(ACTIVATIONS)}")
        self.frames, self.bins, self.gated = frames, bins, activation == "gated"
        self.taps = (2 * frames + 1) * (2 * bins + 1)
        self.channels = (4 if self.gated else 2) * self.taps

    def forward(self, x: Tensor, spectrum: Tensor) -> Tensor:
        """Channels (B, channels, F, T) and spectrogram (B, 2, F, T) -> filtered spectrogram (B, 2, F, T)."""
        if self.gated:
            a, b = x.chunk(2, dim=1)
            x = a.tanh() * b.sigmoid()
        around = functional.pad(spectrum, (self.frames, self.frames, self.bins, self.bins))
        count_f, count_t = spectrum.shape[2:]
        real, imaginary = torch.zeros_like(spectrum[:, 0]), torch.zeros_like(spectrum[:, 0])
        shifts = itertools.product(range(2 * self.frames + 1), range(2 * self.bins + 1))
        for tap, (t, f) in zip(x.unflatten(1, (self.taps, 2)).unbind(1), shifts, strict=True):
            moved = around[:, :, f : f + count_f, t : t + count_t]
            real = real + tap[:, 0] * moved[:, 0] - tap[:, 1] * moved[:, 1]
            imaginary = imaginary + tap[:, 0] * moved[:, 1] + tap[:, 1] * moved[:, 0]
        return torch.stack((real, imaginary), dim=1)
