"""Residual blocks of 2-D convolutions on (B, C, F, T); strides divide frequency and time, rounded up.

Each block takes an optional ``mask`` (B, T), True for valid frames. Means exclude the padding and convolutions read
zeros there, so padding does not change the output of an utterance. ``strided`` gives the mask after a stride.
Exception: the statistics of batch normalisation in training mode include padded frames.
"""

from typing import cast

from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.nn.mask import masked_mean, zero_padding


def strided(mask: Tensor | None, stride: int) -> Tensor | None:
    """Mask (B, T) of frames -> (B, ceil(T / stride)): frame t is valid if frame ``t * stride`` is."""
    return mask if mask is None or stride == 1 else mask[:, ::stride]


class SqueezeExcitation2d(nn.Module):
    """Channel gates from the mean over frequency and time (Hu et al. 2018, arXiv 1709.01507, section 3).

    Args:
        channels: C.
        reduction: the bottleneck has C / ``reduction`` channels.

    Raises:
        InputError: the bottleneck has no channel.
    """

    def __init__(self, channels: int, reduction: int = 8):
        super().__init__()
        if not 1 <= reduction <= channels:
            raise InputError(f"reduction {reduction}: must be from 1 to {channels}, the number of channels")
        self.squeeze = nn.Linear(channels, channels // reduction)
        self.excite = nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, F, T), mask (B, T) -> (B, C, F, T)."""
        description = masked_mean(x.mean(2), mask)
        return x * self.excite(self.squeeze(description).relu()).sigmoid()[:, :, None, None]


class SEBasicBlock(nn.Module):
    """Two 3x3 convolutions and squeeze-excitation, added to the input (He et al. 2016, figure 5; Hu et al. 2018).

    conv - ReLU - BN - conv - BN - SE, + shortcut, ReLU: the first normalisation follows the ReLU, as in the ResNets of
    Heo et al. 2020 (arXiv 2009.14153). The shortcut is the input, or if the shape changes a strided 1x1 convolution
    with normalisation. Convolutions have no bias.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: (frequency, time) stride of the first convolution and of the shortcut.
        reduction: reduction of the squeeze-excitation; 0: none.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: tuple[int, int] = (1, 1), reduction: int = 8):
        super().__init__()
        self.stride, self.time_stride = stride, stride[1]
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.se = SqueezeExcitation2d(out_channels, reduction) if reduction else None
        self.shortcut = None
        if in_channels != out_channels or tuple(stride) != (1, 1):
            projection = nn.Conv2d(in_channels, out_channels, 1, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C_in, F, T), mask (B, T) -> (B, C_out, ceil(F / s_F), ceil(T / s_T)); padding is not zero."""
        out_mask = strided(mask, self.time_stride)
        x = zero_padding(x, mask)
        y = self.norm1(self.conv1(x).relu_())
        y = self.norm2(self.conv2(zero_padding(y, out_mask)))
        if self.se is not None:
            y = self.se(y, out_mask)
        if self.shortcut is not None:
            # No strided convolution: oneDNN's kernel corrupts memory (channels last, C_in < 16).
            x = self.shortcut(x[:, :, :: self.stride[0], :: self.stride[1]])
        return (y + x).relu_()


class ResidualStage(nn.ModuleList):
    """``depth`` SE basic blocks; the first changes the channels and has the stride.

    Args:
        in_channels, out_channels, stride, reduction: see :class:`SEBasicBlock`.
        depth: number of blocks.
    """

    def __init__(
        self, in_channels: int, out_channels: int, depth: int, stride: tuple[int, int] = (1, 1), reduction: int = 8
    ):
        first = SEBasicBlock(in_channels, out_channels, stride, reduction)
        super().__init__(
            [first, *(SEBasicBlock(out_channels, out_channels, (1, 1), reduction) for _ in range(1, depth))]
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, C_in, F, T), mask (B, T) -> (B, C_out, F', T') and its mask (B, T')."""
        for block in self:
            x, mask = block(x, mask), strided(mask, cast(int, block.time_stride))
        return x, mask
