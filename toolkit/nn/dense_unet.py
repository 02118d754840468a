"""Blocks of densely connected U-Nets on complex spectrograms, maps (B, C, F, T); the number of frames is constant.

DPCCN (Han, Long et al. 2022) uses them. Every convolution is followed by ELU, then instance normalisation without scale
and shift.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Conv2dBlock(nn.Sequential):
    """3x3 convolution - ELU - instance normalisation.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        halve: reduce F to (F - 1) // 2, by a stride of 2 without padding; False: keep F.
    """

    def __init__(self, in_channels: int, out_channels: int, halve: bool = False):
        stride, padding = ((2, 1), (0, 1)) if halve else (1, 1)
        convolution = nn.Conv2d(in_channels, out_channels, 3, stride, padding)
        super().__init__(convolution, nn.ELU(inplace=True), nn.InstanceNorm2d(out_channels))


class Transposed2dBlock(nn.Module):
    """3x3 transposed convolution with a stride of 2 along frequency - ELU - instance normalisation.

    Args:
        in_channels: C_in.
        out_channels: C_out.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_channels, out_channels, 3, (2, 1), (0, 1))
        self.activation = nn.ELU(inplace=True)
        self.norm = nn.InstanceNorm2d(out_channels)

    def forward(self, x: Tensor, bins: int) -> Tensor:
        """(B, C_in, (F - 1) // 2, T), bins F -> (B, C_out, F, T)."""
        return self.norm(self.activation(self.conv(x, output_size=(bins, x.shape[3]))))


class DenseBlock(nn.ModuleList):
    """Convolution blocks, each on all previous maps (Huang et al. 2017, arXiv 1608.06993).

    Args:
        in_channels: C_in.
        width: channels of every block except the last.
        out_channels: C_out, channels of the last block.
        depth: number of blocks.
    """

    def __init__(self, in_channels: int, width: int, out_channels: int, depth: int = 5):
        super().__init__(
            Conv2dBlock(in_channels + i * width, width if i < depth - 1 else out_channels) for i in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C_in, F, T) -> (B, C_out, F, T)."""
        *blocks, last = self
        for block in blocks:
            x = torch.cat((x, block(x)), dim=1)
        return last(x)


class PyramidPooling(nn.Module):
    """Means over patches of several sizes, concatenated with the map (Zhao et al. 2017, arXiv 1612.01105).

    For each size: mean over size x size patches - 1x1 convolution to a share of the channels - bilinear to F x T.
    Then concatenation with the map and a 1x1 convolution. A patch is at most as long as the axis.

    Args:
        channels: C.
        sizes: sizes of the patches in bins and frames.
    """

    def __init__(self, channels: int, sizes: tuple[int, ...] = (4, 8, 16, 32)):
        super().__init__()
        share = max(channels // len(sizes), 1)
        self.sizes = sizes
        self.reduce = nn.ModuleList(nn.Conv2d(channels, share, 1) for _ in sizes)
        self.merge = nn.Conv2d(channels + share * len(sizes), channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F, T) -> (B, C, F, T)."""
        maps, (bins, frames) = [x], x.shape[2:]
        for size, reduce in zip(self.sizes, self.reduce, strict=True):
            pooled = reduce(functional.avg_pool2d(x, (min(size, bins), min(size, frames))))
            maps.append(functional.interpolate(pooled, (bins, frames), mode="bilinear"))
        return self.merge(torch.cat(maps, dim=1))
