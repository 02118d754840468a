"""U-Nets that halve and double only frequency, with a skip connection at every level; maps are (B, C, F, T).

A kernel covers three bins and is padded only in time: F becomes (F - 1) // 2; the number of frames is constant.
"""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.nn.local_global import SpeakerCues


def halved_bins(bins: int, channels: Sequence[int]) -> list[int]:
    """Number of bins of the input and of every level's output, e.g. 161, 80, 39, 19, 9, 4.

    Raises:
        InputError: there are fewer than two levels, ``bins`` cannot be halved by all, or a level has no channels.
    """
    sizes = [bins]
    for _ in channels:
        sizes.append((sizes[-1] - 3) // 2 + 1)
    if sizes[-1] < 1 or len(channels) < 2 or min(channels) < 1:
        raise InputError(f"channels {channels}: must be 2 or more numbers from 1, no more than halve {bins} bins")
    return sizes


def halving(in_channels: int, out_channels: int, frames: int = 3) -> nn.Conv2d:
    """(B, C, F, T) -> (B, C', (F - 1) // 2, T): a convolution over three bins and ``frames``, odd."""
    return nn.Conv2d(in_channels, out_channels, (3, frames), (2, 1), (0, frames // 2))


def doubling(in_channels: int, out_channels: int, bins: int, frames: int = 3) -> nn.ConvTranspose2d:
    """(B, C, (F - 1) // 2, T) -> (B, C', F, T), with F = ``bins``: a transposed convolution."""
    padding, more = (0, frames // 2), (1 - bins % 2, 0)  # more: what halving dropped
    return nn.ConvTranspose2d(in_channels, out_channels, (3, frames), (2, 1), padding, more)


class FrequencyEncoder(nn.ModuleList):
    """Encoder layers, each (B, C, F, T) -> (B, C', F', T)."""

    @classmethod
    def of(
        cls, layer: Callable[[int, int], nn.Module], inputs: int, channels: Sequence[int], added: Sequence[int] = ()
    ) -> "FrequencyEncoder":
        """An encoder with ``layer(C, C')`` at each level.

        Args:
            layer: constructor of a layer.
            inputs: channels of the network's input.
            channels: C' of each level.
            added: channels of the local features at each level; empty without local features.
        """
        pairs = zip(itertools.pairwise((inputs, *channels)), added or (0,) * len(channels), strict=True)
        return cls(layer(before + more, width) for (before, width), more in pairs)

    def forward(self, x: Tensor, cues: SpeakerCues) -> list[Tensor]:
        """(B, C, F, T) -> outputs (B, C', F', T) of all levels; local features are concatenated to each input."""
        maps = []
        for level, layer in enumerate(self):
            x = layer(cues.beside(level, x))
            maps.append(x)
        return maps


class FrequencyDecoder(nn.ModuleList):
    """Decoder layers from the deepest level up, ``layer(2 C', C, F, last)`` at each level.

    Args:
        layer: constructor of a layer (B, 2 C', F', T) -> (B, C, F, T); ``last``: whether it is the output layer.
        outputs: channels of the network's output.
        channels: channels of the encoder levels.
        bins: the result of :func:`halved_bins`.
    """

    def __init__(
        self, layer: Callable[[int, int, int, bool], nn.Module], outputs: int, channels: Sequence[int], bins: list[int]
    ):
        levels = list(enumerate(itertools.pairwise((outputs, *channels))))
        super().__init__(layer(2 * width, before, bins[i], i == 0) for i, (before, width) in reversed(levels))

    def forward(self, x: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """The deepest map (B, C', F', T) and the encoder maps of all levels -> (B, C, F, T) of the last layer.

        Each layer reads the output of the layer before and the encoder map of its level.
        """
        for layer, skip in zip(self, reversed(maps), strict=True):
            x = layer(torch.cat((x, skip), dim=1))
        return x


def through(sequence_model: Callable[[Tensor], Tensor], x: Tensor, cues: SpeakerCues) -> Tensor:
    """Apply a sequence model on (B, T, C F), conditioned on the embedding, to the deepest map (B, C, F, T)."""
    sequence = cues.fused(x.flatten(1, 2).transpose(1, 2))
    return sequence_model(sequence).transpose(1, 2).unflatten(1, x.shape[1:3])
