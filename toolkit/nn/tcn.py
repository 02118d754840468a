"""Temporal convolutional network (TCN) on (B, C, T) with a constant number of frames, and global layer norm."""

import torch
from torch import Tensor, nn

from toolkit.nn.mask import zero_padding


class TemporalBlock(nn.Module):
    """Depthwise separable dilated convolution, added to its input (DPCCN, Han, Long et al. 2022).

    x + 1x1(ELU(IN(depthwise(ELU(IN(x)))))), instance normalisation without scale and shift.

    Args:
        channels: C.
        dilation: dilation of the three taps in frames.
    """

    def __init__(self, channels: int, dilation: int = 1):
        super().__init__()
        self.layers = nn.Sequential(
            nn.InstanceNorm1d(channels),
            nn.ELU(inplace=True),
            nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation, groups=channels),
            nn.InstanceNorm1d(channels),
            nn.ELU(inplace=True),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T), T >= 2 -> (B, C, T)."""
        return x + self.layers(x)


class TemporalNetwork(nn.Sequential):
    """``layers`` repeats of blocks with dilation 1, 2, 4, ..., 2^(blocks - 1): (B, C, T) -> (B, C, T).

    Args:
        channels: C.
        layers: number of repeats.
        blocks: number of dilations.
    """

    def __init__(self, channels: int, layers: int = 2, blocks: int = 10):
        super().__init__(*(TemporalBlock(channels, 2**i) for _ in range(layers) for i in range(blocks)))


class GlobalLayerNorm(nn.Module):
    """Normalisation over channels and frames together (Conv-TasNet, Luo and Mesgarani 2019, arXiv 1809.07454, eq. 8).

    Args:
        channels: C.
        eps: added to the variance.
    """

    def __init__(self, channels: int, eps: float = 1e-8):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, T), mask (B, T) -> (B, C, T); statistics exclude the padding and are at least float32."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        mean = _mean(wide, mask)
        variance = _mean((wide - mean).square(), mask)
        return ((wide - mean) / (variance + self.eps).sqrt() * self.weight + self.bias).to(x.dtype)


def _mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """(B, C, T), mask (B, T) -> (B, 1, 1)."""
    if mask is None:
        return x.mean((1, 2), keepdim=True)
    return zero_padding(x, mask).sum((1, 2), keepdim=True) / (x.shape[1] * mask.sum(1).view(-1, 1, 1))
