"""Encoders that halve frequency, decoders that double it, a skip connection at every level; maps are (B, C, F, T).

A kernel spans three bins and is padded in time only: F becomes (F - 1) // 2, and time keeps its length.
"""

import itertools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.nn.local_global import SpeakerCues


def halved_bins(bins: int, channels: Sequence[int]) -> list[int]:
    """Bins of the input and of every level's output, e.g. 161, 80, 39, 19, 9, 4.

    Raises:
        InputError: there are fewer than two levels, more than ``bins`` can be halved, or one without channels.
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
    """(B, C, (F - 1) // 2, T) -> (B, C', F, T), where F is ``bins``: a transposed convolution."""
    padding, more = (0, frames // 2), (1 - bins % 2, 0)  # more: what halving dropped
    return nn.ConvTranspose2d(in_channels, out_channels, (3, frames), (2, 1), padding, more)


class FrequencyEncoder(nn.ModuleList):
    """Layers from the top down, each (B, C, F, T) -> (B, C', F', T)."""

    @classmethod
    def of(
        cls, layer: Callable[[int, int], nn.Module], inputs: int, channels: Sequence[int], added: Sequence[int] = ()
    ) -> "FrequencyEncoder":
        """One of ``layer(C, C')`` at each level.

        Args:
            layer: makes a layer.
            inputs: channels of the network's input.
            channels: C' of each level.
            added: channels that local features add to each layer's input; empty without.
        """
        pairs = zip(itertools.pairwise((inputs, *channels)), added or (0,) * len(channels), strict=True)
        return cls(layer(before + more, width) for (before, width), more in pairs)

    def forward(self, x: Tensor, cues: SpeakerCues) -> list[Tensor]:
        """(B, C, F, T) -> outputs (B, C', F', T) of all levels; each layer is given local features beside its input."""
        maps = []
        for level, layer in enumerate(self):
            x = layer(cues.beside(level, x))
            maps.append(x)
        return maps


class FrequencyDecoder(nn.ModuleList):
    """Layers from the bottom up, ``layer(2 C', C, F, last)`` at each level.

    Args:
        layer: makes a layer (B, 2 C', F', T) -> (B, C, F, T); ``last`` for the one at the top.
        outputs: channels of the network's output.
        channels: of the encoder's levels.
        bins: of :func:`halved_bins`.
    """

    def __init__(
        self, layer: Callable[[int, int, int, bool], nn.Module], outputs: int, channels: Sequence[int], bins: list[int]
    ):
        levels = list(enumerate(itertools.pairwise((outputs, *channels))))
        super().__init__(layer(2 * width, before, bins[i], i == 0) for i, (before, width) in reversed(levels))

    def forward(self, x: Tensor, maps: Sequence[Tensor]) -> Tensor:
        """The deepest map (B, C', F', T), and ``maps`` of all levels -> (B, C, F, T) of the last layer.

        Each layer reads the output of the one below and the encoder's map of its level.
        """
        for layer, skip in zip(self, reversed(maps), strict=True):
            x = layer(torch.cat((x, skip), dim=1))
        return x


def through(sequence_model: Callable[[Tensor], Tensor], x: Tensor, cues: SpeakerCues) -> Tensor:
    """The deepest map (B, C, F, T) through a model of sequences (B, T, C F), whose input the embedding conditions."""
    sequence = cues.fused(x.flatten(1, 2).transpose(1, 2))
    return sequence_model(sequence).transpose(1, 2).unflatten(1, x.shape[1:3])
