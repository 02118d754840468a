"""The squeezed TCN: gated dilated convolutions on few channels, over (B, C, T)."""

from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.nn.cumulative_norm import CumulativeLayerNorm
from toolkit.nn.gated import Gated


class SqueezedTemporalBlock(nn.Module):
    """S-TCM, not causal, added to its input (Li et al. 2021, CTS-Net, arXiv 2102.04198, section III-B).

    x + W_out(cLN(PReLU(a sigma(b)))), where a and b are dilated convolutions of cLN(PReLU(W_in x)), each with separate
    PReLU and normalisation. W_in and W_out are 1x1 convolutions.

    Args:
        channels: C.
        squeezed: channels between W_in and W_out.
        kernel: kernel in frames, odd.
        dilation: dilation in frames.
    """

    def __init__(self, channels: int, squeezed: int, kernel: int = 5, dilation: int = 1):
        super().__init__()
        self.squeeze = nn.Conv1d(channels, squeezed, 1)
        self.gated = Gated(*(_layer(squeezed, squeezed, kernel, dilation) for _ in range(2)))
        self.expand = _layer(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C, T)."""
        return x + self.expand(self.gated(self.squeeze(x)))


class SqueezedTemporalNetwork(nn.Sequential):
    """One S-TCN: blocks of increasing dilation, (B, C, T) -> (B, C, T).

    Args:
        channels, squeezed, kernel: see :class:`SqueezedTemporalBlock`.
        dilations: dilation of each block.

    Raises:
        InputError: ``kernel`` is even, there is no block, or a size is below 1.

    Example::

        SqueezedTemporalNetwork(256)(torch.randn(2, 256, 100)).shape  # (2, 256, 100)
    """

    def __init__(self, channels: int, squeezed: int = 64, kernel: int = 5, dilations: tuple[int, ...] = (1, 2, 5, 9)):
        if not dilations or min(channels, squeezed, *dilations) < 1 or kernel < 1 or kernel % 2 == 0:
            raise InputError(
                f"squeezed TCN of {channels} channels, squeezed {squeezed}, kernel {kernel}, dilations {dilations}: "
                "must be 1 or more, kernel odd, with at least one dilation"
            )
        super().__init__(*(SqueezedTemporalBlock(channels, squeezed, kernel, dilation) for dilation in dilations))


def _layer(in_channels: int, out_channels: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    """(B, C, T) -> (B, C', T): PReLU - cLN - convolution."""
    padding = kernel // 2 * dilation
    convolution = nn.Conv1d(in_channels, out_channels, kernel, padding=padding, dilation=dilation)
    return nn.Sequential(nn.PReLU(), CumulativeLayerNorm(in_channels), convolution)
