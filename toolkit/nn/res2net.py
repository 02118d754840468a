"""Res2Net blocks of 2-D convolutions on (B, C, F, T), and the attentional fusion of ERes2NetV2.

Each block takes an optional ``mask`` (B, T), True for valid frames. Convolutions read zeros in the padding, so padding
does not change the output of an utterance. Exception: the statistics of batch normalisation in training mode include
padded frames.
"""

from typing import cast

import torch
from torch import Tensor, nn

from toolkit.nn.mask import zero_padding
from toolkit.nn.resnet import strided

_CEILING = 20.0  # upper limit of ERes2NetV2's rectifiers


def _rectifier() -> nn.Module:
    return nn.Hardtanh(0.0, _CEILING, inplace=True)


class AttentionalFeatureFusion(nn.Module):
    """Weighted sum of two maps, with attention over both (Chen et al. 2024, arXiv 2406.02167, eq. 1 and 2).

    g = 1 + tanh(BN(W_2 SiLU(BN(W_1 [x; y])))), output x g + y (2 - g); all convolutions are 1x1, so each cell is fused
    separately.

    Args:
        channels: C, channels of each map.
        reduction: the bottleneck has C / ``reduction`` channels.
    """

    def __init__(self, channels: int, reduction: int = 4):
        super().__init__()
        bottleneck = max(channels // reduction, 1)
        self.attention = nn.Sequential(
            nn.Conv2d(2 * channels, bottleneck, 1),
            nn.BatchNorm2d(bottleneck),
            nn.SiLU(inplace=True),
            nn.Conv2d(bottleneck, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(B, C, F, T) twice -> (B, C, F, T)."""
        gate = 1.0 + torch.tanh(self.attention(torch.cat((x, y), dim=1)))
        return x * gate + y * (2.0 - gate)


class Res2NetBlock(nn.Module):
    """A residual block with hierarchical 3x3 convolutions (Gao et al. 2021; ERes2NetV2, figure 1).

    1x1 convolution to ``scale`` groups of w = floor(planes * base_width / 64) channels; the output of group i - 1 is
    added to group i, or fused with it (``fusion``), before its 3x3 convolution; 1x1 convolution to ``expansion *
    planes``; plus the shortcut. Convolutions have no bias; rectifiers are clipped at 20.

    Args:
        in_channels: C_in.
        planes: the output has ``expansion * planes`` channels.
        stride: stride of the first convolution, in frequency and time.
        base_width: width of a group for 64 planes.
        scale: number of groups.
        expansion: see ``planes``.
        fusion: fuse by AttentionalFeatureFusion, as ERes2NetV2 does in its deeper stages, instead of adding.
    """

    def __init__(
        self,
        in_channels: int,
        planes: int,
        stride: int = 1,
        base_width: int = 26,
        scale: int = 2,
        expansion: int = 2,
        fusion: bool = False,
    ):
        super().__init__()
        width, out_channels = max(planes * base_width // 64, 1), expansion * planes
        self.width, self.time_stride = width, stride
        self.reduce = nn.Sequential(
            nn.Conv2d(in_channels, scale * width, 1, bias=False), nn.BatchNorm2d(scale * width), _rectifier()
        )
        self.groups = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), _rectifier())
            for _ in range(scale)
        )
        self.fusions = nn.ModuleList(AttentionalFeatureFusion(width) for _ in range(scale - 1)) if fusion else None
        self.expand = nn.Sequential(nn.Conv2d(scale * width, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels))
        self.shortcut = None
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)
            )
        self.activation = _rectifier()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C_in, F, T), mask (B, T) -> (B, expansion * planes, ceil(F / s), ceil(T / s)); padding is not zero."""
        inner = strided(mask, self.time_stride)
        # No strided 1x1 convolutions: oneDNN's kernel for them corrupts memory (see resnet.py).
        x = x[:, :, :: self.time_stride, :: self.time_stride]
        outputs: list[Tensor] = []
        for i, part in enumerate(self.reduce(x).split(self.width, dim=1)):
            if i > 0:
                part = part + outputs[-1] if self.fusions is None else self.fusions[i - 1](outputs[-1], part)
            outputs.append(self.groups[i](zero_padding(part, inner)))
        y = self.expand(torch.cat(outputs, dim=1))
        return self.activation(y + (x if self.shortcut is None else self.shortcut(x)))


class Res2NetStage(nn.ModuleList):
    """``depth`` Res2Net blocks; the first changes the channels and has the stride.

    Args:
        in_channels, planes, stride, base_width, scale, expansion, fusion: see :class:`Res2NetBlock`.
        depth: number of blocks.
    """

    def __init__(self, in_channels: int, planes: int, depth: int, stride: int = 1, *, expansion: int = 2, **options):
        first = Res2NetBlock(in_channels, planes, stride, expansion=expansion, **options)
        rest = (Res2NetBlock(expansion * planes, planes, expansion=expansion, **options) for _ in range(1, depth))
        super().__init__([first, *rest])

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, C_in, F, T), mask (B, T) -> (B, expansion * planes, F', T') and its mask (B, T')."""
        for block in self:
            x, mask = block(x, mask), strided(mask, cast(int, block.time_stride))
        return x, mask
