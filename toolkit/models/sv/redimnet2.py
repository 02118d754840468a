"""ReDimNet2."""

from math import gcd, prod
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.nn.mask import length_mask, masked_mean, zero_padding
from toolkit.nn.pooling import AttentiveStatisticsPooling
from toolkit.nn.resnet import strided

_HEADS = 4
_KERNELS = (7, 19, 31, 59)  # of the convolutions over time, in frames


class ReDimNet2(SpeakerEncoder):
    """ReDimNet2 (Yakovlev, Okhotnikov 2026, Interspeech, arXiv 2603.11841).

    The output of every stage has C F values per frame: a map of C channels and F bins for 2-D blocks, or a signal of
    C F channels for 1-D blocks. A stage reads the sum of all previous outputs, weighted per channel. It merges bins
    into channels, and frames; applies residual blocks of depthwise separable convolutions, then a bottleneck with
    convolutions and attention over time; and repeats frames to restore the frame rate. The sum of all outputs goes to
    attentive statistics pooling with global context, normalisation and a linear layer.

    The default is B0, 1,126,452 parameters and 0.29 GMACs for 2 s; the authors report 1.1 M and 0.33 G, of which 0.04 G
    is their feature extraction by convolutions. B1, 2,176,464 and 0.50 G (2.1 M, 0.56 G), is ``channels=16,
    reductions=(32, 32, 32, 32, 16, 16), out_channels=0``. Sizes, blocks and the group normalisation of each output are
    those of the recipes in their repository. Their code drops the last frames that do not fill a stride; here they are
    padded with zeros. The attention of their pooling reads the unbiased standard deviation.

    Use it with ``LogMelSpectrogram`` features of 20 to 7600 Hz and ``normalize: mean``. In training, batch
    normalisation includes padded frames, so train on crops of equal length.

    Args:
        n_mels: F, number of features per frame; a multiple of the product of the frequency strides.
        embedding_dim: D.
        channels: C, channels of the first convolution.
        strides: (frequency, time) stride of each stage; time strides accumulate over the stages.
        blocks: number of residual blocks of each stage.
        expansions: channels of the residual blocks of a stage, as a multiple of those of its map.
        reductions: the 1-D block of a stage has C F / ``reductions`` channels, a multiple of 4.
        out_channels: channels of the last map, after a 1x1 convolution; 0: no convolution.
        attention_channels: bottleneck size of the pooling attention.
        map_norm: group normalisation (C groups) of the first map and of the output of each stage.

    Raises:
        InputError: ``strides``, ``blocks``, ``expansions`` and ``reductions`` differ in number, ``n_mels`` is not a
            multiple of the strides' product, or a 1-D block's channels are not a multiple of 4.

    Example::

        ReDimNet2()(torch.randn(2, 200, 72)).shape  # (2, 192)
    """

    def __init__(
        self,
        n_mels: int = 72,
        embedding_dim: int = 192,
        channels: int = 12,
        strides: tuple[tuple[int, int], ...] = ((1, 1), (2, 1), (1, 2), (2, 1), (1, 2), (2, 1)),
        blocks: tuple[int, ...] = (2, 3, 4, 5, 4, 3),
        expansions: tuple[int, ...] = (2, 1, 1, 1, 1, 1),
        reductions: tuple[int, ...] = (36, 36, 36, 36, 18, 18),
        out_channels: int = 64,
        attention_channels: int = 128,
        map_norm: bool = True,
    ):
        super().__init__()
        if not len(strides) == len(blocks) == len(expansions) == len(reductions) > 0:
            raise InputError(
                f"strides {strides}, blocks {blocks}, expansions {expansions}, reductions {reductions}: must "
                "have one entry per stage"
            )
        if n_mels % (merged := prod(stride[0] for stride in strides)):
            raise InputError(f"n_mels {n_mels}: must be a multiple of {merged}, the product of the frequency strides")
        self.embedding_dim = embedding_dim
        size = channels * n_mels
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), _ChannelNorm(channels))
        self.norms = nn.ModuleList(MapNorm(channels, size) for _ in range(len(strides) + 1)) if map_norm else None
        self.stages, width, pooled = nn.ModuleList(), channels, 1
        for stride, depth, expansion, reduction in zip(strides, blocks, expansions, reductions, strict=True):
            pooled *= stride[1]
            self.stages.append(ReshapingStage(size, width, (stride[0], pooled), depth, expansion, reduction))
            width *= stride[0]
        self.time_stride, self.width = pooled, width
        counts = range(2, len(strides) + 2)  # number of summed outputs; a single output has no weight
        self.weights = nn.ParameterList(nn.Parameter(torch.zeros(count, size)) for count in counts)
        self.head = nn.Conv2d(width, out_channels, 1) if out_channels else nn.Identity()
        pooled_channels = (out_channels or width) * (n_mels // merged)
        self.pooling = AttentiveStatisticsPooling(
            pooled_channels, attention_channels, global_context=True, variance_floor=1e-7, tanh=True, norm=False
        )
        self.pooled_norm = nn.BatchNorm1d(2 * pooled_channels)
        self.embedding = nn.Linear(2 * pooled_channels, embedding_dim)
        cast(Any, self).to(memory_format=torch.channels_last)  # a third faster training on a CPU

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F) features, lengths (B,) int64 frames or None (all T) -> (B, D) embeddings."""
        batch, frames, _ = feats.shape
        if rest := -frames % self.time_stride:
            lengths = feats.new_full((batch,), frames, dtype=torch.long) if lengths is None else lengths
            feats = F.pad(feats, (0, 0, 0, rest))
        mask = None if lengths is None else length_mask(lengths, frames + rest)
        x = _signal(self.stem(zero_padding(feats.transpose(1, 2), mask)[:, None]))
        outputs = [self._normalised(0, x, mask)]
        for i, stage in enumerate(self.stages):
            x = zero_padding(self._sum(outputs), mask)
            outputs.append(self._normalised(i + 1, stage(x, mask), mask))
        x = self.head(_map(self._sum(outputs), self.width)).flatten(1, 2)
        return self.embedding(self.pooled_norm(self.pooling(x, mask)))

    def _normalised(self, i: int, x: Tensor, mask: Tensor | None) -> Tensor:
        return x if self.norms is None else self.norms[i](x, mask)

    def _sum(self, outputs: list[Tensor]) -> Tensor:
        """Signals (B, C F, T) -> their sum, weighted per channel."""
        if len(outputs) == 1:
            return outputs[0]
        weights = self.weights[len(outputs) - 2].softmax(0)
        total = outputs[0] * weights[0, :, None]
        for output, weight in zip(outputs[1:], weights[1:], strict=True):
            total = torch.addcmul(total, output, weight[:, None])
        return total


class ReshapingStage(nn.Module):
    """One stage, signal -> signal: merge bins and frames, 2-D blocks, a 1-D block, repeat frames.

    Args:
        size: channels of the signal, C F of its map.
        width: C of the map that it is reshaped to.
        stride: number of bins and frames to merge; the map then has ``stride[0] width`` channels.
        depth: number of residual blocks.
        expansion: their channels, as a multiple of the channels of the map.
        reduction: the 1-D block has ``size / reduction`` channels.
    """

    def __init__(self, size: int, width: int, stride: tuple[int, int], depth: int, expansion: int, reduction: int):
        super().__init__()
        self.width, self.time_stride = width, stride[1]
        merged = stride[0] * width
        inner = merged * expansion
        self.merge = nn.Conv2d(width, inner, stride, stride, groups=gcd(width, inner))
        self.blocks = nn.ModuleList(SeparableBlock(inner) for _ in range(depth))
        self.project = None
        if expansion != 1:
            self.project = nn.Sequential(nn.Conv2d(inner, merged, 1), nn.BatchNorm2d(merged, eps=1e-6))
        self.context = TimeContext(size, size // reduction)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C F, T), zero outside mask (B, T) -> (B, C F, T); T is a multiple of the time stride."""
        mask = strided(mask, self.time_stride)
        x = self.merge(_map(x, self.width))
        for block in self.blocks:
            x = block(x, mask)
        if self.project is not None:
            x = self.project(x)
        x = self.context(_signal(x), mask)
        return x[..., None].expand(*x.shape, self.time_stride).flatten(2) if self.time_stride > 1 else x


class SeparableBlock(nn.Module):
    """Residual block of two depthwise separable 3x3 convolutions; in the first, the normalisation follows the ReLU.

    Args:
        channels: C.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.depth1, self.depth2 = (
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False) for _ in range(2)
        )
        self.point1, self.point2 = (nn.Conv2d(channels, channels, 1) for _ in range(2))
        self.norm1, self.norm2 = (nn.BatchNorm2d(channels) for _ in range(2))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, F, T), mask (B, T) -> (B, C, F, T)."""
        y = self.norm1(self.point1(self.depth1(zero_padding(x, mask))).relu_())
        y = self.norm2(self.point2(self.depth2(zero_padding(y, mask))))
        return (x + y).relu_()


class TimeContext(nn.Module):
    """The 1-D block: a bottleneck with ConvNeXt-like convolutions of growing kernels and a transformer layer.

    Args:
        size: channels of the signal.
        channels: H, channels of the bottleneck.

    Raises:
        InputError: ``channels`` is not a multiple of the four attention heads.
    """

    def __init__(self, size: int, channels: int):
        super().__init__()
        if channels < _HEADS or channels % _HEADS:
            raise InputError(f"reductions: reduce {size} to {channels} channels; must be a multiple of {_HEADS}")
        self.reduce = nn.Sequential(nn.Conv1d(size, channels, 1), _ChannelNorm(channels))
        self.depths = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=kernel // 2, groups=channels) for kernel in _KERNELS
        )
        self.points = nn.ModuleList(
            nn.Sequential(nn.BatchNorm1d(channels), nn.GELU(), nn.Conv1d(channels, channels, 1)) for _ in _KERNELS
        )
        self.attention = nn.MultiheadAttention(channels, _HEADS, batch_first=True)
        self.attention_norm, self.out_norm = (nn.LayerNorm(channels, eps=1e-6) for _ in range(2))
        self.feed_forward = nn.Sequential(
            nn.Linear(channels, channels), nn.GELU(approximate="tanh"), nn.Linear(channels, channels)
        )
        self.expand = nn.Conv1d(channels, size, 1)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C F, T), mask (B, T) -> (B, C F, T)."""
        y = self.reduce(x)
        for depth, point in zip(self.depths, self.points, strict=True):
            y = y + point(depth(zero_padding(y, mask)))
        y = y.transpose(1, 2)
        absent = None if mask is None else ~mask
        y = self.attention_norm(y + self.attention(y, y, y, key_padding_mask=absent, need_weights=False)[0])
        y = self.out_norm(y + self.feed_forward(y))
        return x + self.expand(y.transpose(1, 2))


class MapNorm(nn.GroupNorm):
    """Group normalisation of signals (B, C, T) with statistics that exclude padding.

    Args:
        groups: number of channel groups.
        channels: C.
    """

    def __init__(self, groups: int, channels: int):
        super().__init__(groups, channels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, T), mask (B, T) -> (B, C, T)."""
        if mask is None:
            return super().forward(x)
        parts = x.unflatten(1, (self.num_groups, -1))
        mean = masked_mean(parts, mask).mean(2)[:, :, None, None]
        variance = masked_mean((parts - mean).square(), mask).mean(2)[:, :, None, None]
        normalised = ((parts - mean) / (variance + self.eps).sqrt()).flatten(1, 2)
        return normalised * self.weight[:, None] + self.bias[:, None]


class _ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels, dimension 1, at every position."""

    def __init__(self, channels: int):
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ...) -> (B, C, ...)."""
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def _signal(x: Tensor) -> Tensor:
    """Map (B, C, F, T) -> signal (B, C F, T), with the channels of a bin adjacent."""
    return x.transpose(1, 2).flatten(1, 2)


def _map(x: Tensor, channels: int) -> Tensor:
    """Signal (B, C F, T) -> map (B, C, F, T)."""
    return cast(Tensor, x.unflatten(1, (-1, channels))).transpose(1, 2)
