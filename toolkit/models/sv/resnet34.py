"""ResNet34 with squeeze-excitation and attentive pooling."""

import itertools
from typing import Any, cast

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.nn.mask import length_mask, zero_padding
from toolkit.nn.pooling import AttentiveStatisticsPooling
from toolkit.nn.resnet import ResidualStage


class ResNet34(SpeakerEncoder):
    """ResNet34, H/ASP (Heo, Lee, Huh, Chung 2020, arXiv 2009.14153, section 2.2; "ResNetSE34V2").

    A 3x3 convolution; four stages of 3, 4, 6, 3 SE basic blocks, of which all but the first halve frequency and time;
    attentive statistics pooling on channels times frequency; a linear layer. The default has 8,028,492 parameters. It
    is a backbone of SEED (arXiv 2505.16798), whose 20.8 M include a classifier (3.07 M) and SEED itself (9.73 M).

    Use it with ``LogMelSpectrogram`` features and ``normalize: mean_var``. In training, batch normalisation includes
    padded frames, so train on crops of equal length.

    Args:
        n_mels: F, number of features per frame.
        embedding_dim: D.
        channels: channels of each stage; the first convolution has those of stage 1.
        blocks: number of SE basic blocks of each stage.
        strides: stride of each stage, in frequency and time.
        reduction: reduction of the squeeze-excitation; 0: none.
        attention_channels: bottleneck size of the pooling attention.
        pooling: ``asp``, weighted mean and standard deviation; ``sap``, mean only; ``l2``, root of the weighted mean
            square, and deviation.
        variance_floor: minimum variance in the pooling; 1e-4 in SEED's code.

    Raises:
        InputError: ``channels``, ``blocks`` and ``strides`` differ in number, ``reduction`` is more than the channels,
            or ``pooling`` is unknown.

    Example::

        ResNet34()(torch.randn(2, 200, 64)).shape  # (2, 512)
    """

    def __init__(
        self,
        n_mels: int = 64,
        embedding_dim: int = 512,
        channels: tuple[int, ...] = (32, 64, 128, 256),
        blocks: tuple[int, ...] = (3, 4, 6, 3),
        strides: tuple[int, ...] = (1, 2, 2, 2),
        reduction: int = 8,
        attention_channels: int = 128,
        pooling: str = "asp",
        variance_floor: float = 1e-5,
    ):
        super().__init__()
        if not len(channels) == len(blocks) == len(strides) > 0:
            raise InputError(f"channels {channels}, blocks {blocks}, strides {strides}: must have one number per stage")
        self.embedding_dim = embedding_dim
        self.stem = nn.Conv2d(1, channels[0], 3, padding=1)
        self.stem_norm = nn.BatchNorm2d(channels[0])
        widths = itertools.pairwise((channels[0], *channels))
        self.stages = nn.ModuleList(
            ResidualStage(*width, depth, (stride, stride), reduction)
            for width, depth, stride in zip(widths, blocks, strides, strict=True)
        )
        for stride in strides:
            n_mels = -(-n_mels // stride)
        self.pooling = AttentiveStatisticsPooling(
            channels[-1] * n_mels, attention_channels, variance_floor=variance_floor, kind=pooling
        )
        self.embedding = nn.Linear(self.pooling.out_channels, embedding_dim)
        cast(Any, self).to(memory_format=torch.channels_last)  # 12 % faster training on a CPU

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F) features, lengths (B,) int64 frames or None (all T) -> (B, D) embeddings."""
        mask = None if lengths is None else length_mask(lengths, feats.shape[1])
        x = zero_padding(feats.transpose(1, 2), mask)
        x = self.stem_norm(self.stem(x[:, None]).relu_())
        for stage in self.stages:
            x, mask = stage(x, mask)
        return self.embedding(self.pooling(x.flatten(1, 2), mask))
