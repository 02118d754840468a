"""Grouped LSTM layers; each group reads a part of the features."""

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError


class GroupedLSTM(nn.Module):
    """Bidirectional LSTM layers of G groups, with layer normalisation (GCRN, Tan and Wang 2020, TASLP 28, sec. III-C).

    LSTM g of a layer maps the g-th part of the features to as many features. After every layer except the last,
    features are interleaved (the first of all groups, then the second of all, ...), so that each group of the next
    layer reads from all groups. Every layer ends with normalisation over all features. Not causal: half of each output
    belongs to each direction.

    Args:
        channels: N.
        groups: G; N is a multiple of 2G.
        layers: number of LSTM layers.

    Raises:
        InputError: a size is below 1, or ``channels`` is not a multiple of 2 ``groups``.

    Example::

        GroupedLSTM(1024)(torch.randn(2, 100, 1024)).shape  # (2, 100, 1024)
    """

    def __init__(self, channels: int, groups: int = 2, layers: int = 2):
        super().__init__()
        if min(channels, groups, layers) < 1 or channels % (2 * groups):
            raise InputError(
                f"grouped LSTM of {channels} channels, {groups} groups, {layers} layers: must be 1 or more, channels a "
                "multiple of twice the groups"
            )
        self.layers = nn.ModuleList(_Groups(channels // groups, groups) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, N), all T valid -> (B, T, N)."""
        last = len(self.layers) - 1
        for i, (groups, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            parts = groups(x)
            x = norm(torch.cat(parts, -1) if i == last else torch.stack(parts, -1).flatten(-2))
        return x


class _Groups(nn.ModuleList):
    """One layer: an LSTM for each part of ``size`` features."""

    def __init__(self, size: int, count: int):
        super().__init__(nn.LSTM(size, size // 2, batch_first=True, bidirectional=True) for _ in range(count))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, T, count size) -> outputs of all groups, each (B, T, size)."""
        return [lstm(part)[0] for lstm, part in zip(self, x.chunk(len(self), -1), strict=True)]
