"""Cumulative layer normalisation."""

import torch
from torch import Tensor, nn


class CumulativeLayerNorm(nn.Module):
    """Normalisation of each frame over channels, bins and all frames up to it (Conv-TasNet, arXiv 1809.07454, eq. 9).

    A frame does not depend on later ones, so padding at the end has no effect. Statistics are at least float32.

    Args:
        channels: C, each with a scale and a shift.
        eps: added to the variance.

    Example::

        CumulativeLayerNorm(64)(torch.randn(2, 64, 39, 100)).shape  # (2, 64, 39, 100)
    """

    def __init__(self, channels: int, eps: float = 1e-5):
        super().__init__()
        self.eps = eps
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ..., T) -> (B, C, ..., T)."""
        wide = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        values = wide.flatten(1, -2)
        count = values.shape[1] * torch.arange(1, x.shape[-1] + 1, device=x.device)
        mean = values.sum(1).cumsum(-1) / count
        variance = (values.square().sum(1).cumsum(-1) / count - mean.square()).clamp(
            min=0
        )  # rounding can make it negative
        mean, deviation = (s.view(len(x), *[1] * (x.dim() - 2), -1) for s in (mean, (variance + self.eps).sqrt()))
        weight, bias = (p.view(-1, *[1] * (x.dim() - 2)) for p in (self.weight, self.bias))
        return ((wide - mean) / deviation * weight + bias).to(x.dtype)
