"""Time-delay blocks: convolutions over time on (B, C, T), with a constant number of frames.

Each block takes an optional ``mask`` (B, T), True for valid frames. Convolutions then read zeros in the padding (or,
with ``padding="reflect"``, the utterance reflected at its own ends), and means exclude it, so padding does not change
the output of an utterance. Exception: the statistics of batch normalisation in training mode include padded frames.
"""

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.nn.mask import masked_mean, zero_padding


def reflected(x: Tensor, mask: Tensor | None, width: int) -> Tensor:
    """(B, C, T), mask (B, T) -> (B, C, T + 2 width): reflected at both ends, repeatedly if T < width."""
    frames = torch.arange(-width, x.shape[-1] + width, device=x.device)
    if mask is None:
        period = max(2 * (x.shape[-1] - 1), 1)
        place = frames.remainder(period)
        return x[:, :, torch.minimum(place, period - place)]
    last = mask.sum(1, keepdim=True) - 1
    place = frames.remainder((2 * last).clamp(min=1))
    place = torch.where(place > last, 2 * last - place, place)
    return x.gather(2, place[:, None].expand(-1, x.shape[1], -1))


class TdnnBlock(nn.Module):
    """Conv1d - ReLU - batch normalisation, padded to keep T.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: kernel in frames, odd.
        dilation: dilation in frames.
        norm: batch normalisation; False: none.
        padding: ``zeros``, or ``reflect`` (at the ends of the utterance).

    Raises:
        InputError: ``kernel_size`` is even, or ``padding`` is unknown.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        dilation: int = 1,
        norm: bool = True,
        padding: str = "zeros",
    ):
        super().__init__()
        if padding not in ("zeros", "reflect"):
            raise InputError(f"padding {padding!r}: must be zeros or reflect")
        if kernel_size % 2 == 0:
            raise InputError(f"kernel size {kernel_size}: must be odd; an even kernel would shift the frames")
        self.reach = kernel_size // 2 * dilation  # frames on either side
        self.reflect = padding == "reflect"
        width = 0 if self.reflect else self.reach
        self.conv = nn.Conv1d(in_channels, out_channels, kernel_size, dilation=dilation, padding=width)
        # In place is safe: the gradient of the convolution does not need its output.
        self.activation = nn.ReLU(inplace=True)
        self.norm = nn.BatchNorm1d(out_channels) if norm else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C_in, T), mask (B, T) -> (B, C_out, T); the padding of the output is not zero."""
        if self.reach:
            x = reflected(x, mask, self.reach) if self.reflect else zero_padding(x, mask)
        return self.norm(self.activation(self.conv(x)))


class Res2Tdnn(nn.Module):
    """Res2Net's hierarchy of dilated convolutions (Gao et al. 2019, arXiv 1904.01169, eq. 1) along time.

    The channels are split into ``scale`` groups. The first is unchanged; each further group is a TDNN block on the sum
    of the group and the previous output.

    Raises:
        InputError: ``scale`` does not divide ``channels``.
    """

    def __init__(self, channels: int, scale: int = 8, kernel_size: int = 3, dilation: int = 1, padding: str = "zeros"):
        super().__init__()
        if channels % scale:
            raise InputError(f"scale {scale}: must divide {channels}, the number of channels")
        self.scale = scale
        width = channels // scale
        self.blocks = nn.ModuleList(
            TdnnBlock(width, width, kernel_size, dilation, padding=padding) for _ in range(scale - 1)
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, T), mask (B, T) -> (B, C, T)."""
        first, *groups = x.chunk(self.scale, dim=1)
        outputs = [first]
        for i, (block, group) in enumerate(zip(self.blocks, groups, strict=True)):
            outputs.append(block(group if i == 0 else group + outputs[-1], mask))
        return torch.cat(outputs, dim=1)


class SqueezeExcitation(nn.Module):
    """Channel gates from the mean over time (Hu et al. 2018, arXiv 1709.01507, section 3).

    Args:
        channels: channels of the input.
        bottleneck: channels of the bottleneck.
        norm: batch normalisation after the bottleneck's ReLU.
    """

    def __init__(self, channels: int, bottleneck: int = 128, norm: bool = False):
        super().__init__()
        self.squeeze = nn.Linear(channels, bottleneck)
        self.norm = nn.BatchNorm1d(bottleneck) if norm else nn.Identity()
        self.excite = nn.Linear(bottleneck, channels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, T), mask (B, T) -> (B, C, T)."""
        description = self.norm(self.squeeze(masked_mean(x, mask)).relu())
        return x * self.excite(description).sigmoid()[:, :, None]


class SERes2Block(nn.Module):
    """SE-Res2Block of ECAPA-TDNN (Desplanques et al. 2020, arXiv 2005.07143, figure 1).

    1x1 TDNN block, dilated Res2 block, 1x1 TDNN block, squeeze-excitation, residual connection.

    Args:
        channels: channels of input and output.
        kernel_size: kernel of the Res2 block in frames.
        dilation: dilation of the Res2 block in frames.
        scale: number of groups of the Res2 block.
        se_channels: bottleneck size of the squeeze-excitation.
        se_norm: batch normalisation in that bottleneck.
        padding: padding of the Res2 block, see :class:`TdnnBlock`.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int = 3,
        dilation: int = 1,
        scale: int = 8,
        se_channels: int = 128,
        se_norm: bool = False,
        padding: str = "zeros",
    ):
        super().__init__()
        self.before = TdnnBlock(channels, channels)
        self.res2 = Res2Tdnn(channels, scale, kernel_size, dilation, padding)
        self.after = TdnnBlock(channels, channels)
        self.se = SqueezeExcitation(channels, se_channels, se_norm)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, T), mask (B, T) -> (B, C, T)."""
        return x + self.se(self.after(self.res2(self.before(x), mask)), mask)
