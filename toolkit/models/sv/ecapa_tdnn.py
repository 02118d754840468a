"""ECAPA-TDNN."""

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.nn.mask import length_mask
from toolkit.nn.pooling import AttentiveStatisticsPooling
from toolkit.nn.tdnn import SERes2Block, TdnnBlock


class EcapaTdnn(SpeakerEncoder):
    """ECAPA-TDNN (Desplanques, Thienpondt, Demuynck 2020, arXiv 2005.07143, figure 2).

    A TDNN block; SE-Res2 blocks, each on the sum of all previous outputs (section 3.3); a 1x1 layer on their
    concatenation (multi-layer feature aggregation, MFA); attentive statistics pooling with global context; a linear
    layer. The paper has two sizes, C=512 and C=1024, with 192 dimensions. SEED's backbone (arXiv 2505.16798), 14.855 M,
    is ``channels=1024, embedding_dim=256, pooling="l2", embedding_norm=False, variance_floor=1e-4``; the authors' code
    also creates the last normalisation (512 parameters) without using it, and its attention reads the unbiased standard
    deviation (embeddings differ by less than 1e-4). SpeechBrain's, 20.77 M, is ``channels=1024, mfa_channels=3072,
    se_norm=False, mfa_norm=True, embedding_norm=False, residual_sum=False, padding="reflect", attention_tanh=True,
    variance_floor=1e-12``. The speaker encoder of TEA-PSE and LGR-TSE, 78.99 M, is
    ``channels=2048, mfa_channels=6144, embedding_dim=256, attention_channels=256, se_norm=False, mfa_norm=True,
    embedding_norm=False, residual_sum=False``.

    The input is features with mean normalisation over the utterance. In training, batch normalisation includes padded
    frames, so train on crops of equal length.

    Args:
        n_mels: F, number of features per frame.
        channels: C, channels of the frame layers.
        mfa_channels: channels of the MFA layer, which is pooled.
        embedding_dim: D.
        scale: number of groups in the Res2 blocks; divides ``channels``.
        se_channels: bottleneck size of the squeeze-excitation.
        attention_channels: bottleneck size of the pooling attention.
        pooling: ``asp``, weighted mean and standard deviation; ``l2``, root of the weighted mean square, and deviation;
            ``sap``, mean only.
        kernel_sizes: kernels in frames of the first layer, each SE-Res2 block and the MFA layer; odd.
        dilations: dilations in frames of the same layers.
        se_norm: batch normalisation in the bottleneck of the squeeze-excitation.
        mfa_norm: batch normalisation after the ReLU of the MFA layer.
        embedding_norm: batch normalisation of the embedding as last layer.
        residual_sum: input of an SE-Res2 block: the sum of all previous outputs; False: only the last output.
        padding: padding of the convolutions, ``zeros`` or ``reflect`` (at the ends of the utterance).
        attention_tanh: tanh after the normalisation in the pooling attention.
        variance_floor: minimum variance in the pooling.

    Raises:
        InputError: ``kernel_sizes`` and ``dilations`` differ in number, a kernel is even, ``scale`` does not divide
            ``channels``, or ``pooling`` or ``padding`` is unknown.

    Example::

        EcapaTdnn()(torch.randn(2, 200, 80)).shape  # (2, 192)
    """

    def __init__(
        self,
        n_mels: int = 80,
        channels: int = 512,
        mfa_channels: int = 1536,
        embedding_dim: int = 192,
        scale: int = 8,
        se_channels: int = 128,
        attention_channels: int = 128,
        pooling: str = "asp",
        kernel_sizes: tuple[int, ...] = (5, 3, 3, 3, 1),
        dilations: tuple[int, ...] = (1, 2, 3, 4, 1),
        se_norm: bool = True,
        mfa_norm: bool = False,
        embedding_norm: bool = True,
        residual_sum: bool = True,
        padding: str = "zeros",
        attention_tanh: bool = False,
        variance_floor: float = 1e-5,
    ):
        super().__init__()
        if len(kernel_sizes) != len(dilations) or len(kernel_sizes) < 3:
            raise InputError(
                f"kernel_sizes {kernel_sizes} and dilations {dilations}: must have one number per layer, 3 or more"
            )
        self.embedding_dim = embedding_dim
        self.residual_sum = residual_sum
        (first, *inner, last) = zip(kernel_sizes, dilations, strict=True)
        self.stem = TdnnBlock(n_mels, channels, *first, padding=padding)
        self.blocks = nn.ModuleList(
            SERes2Block(channels, kernel, dilation, scale, se_channels, se_norm, padding) for kernel, dilation in inner
        )
        self.mfa = TdnnBlock(len(inner) * channels, mfa_channels, *last, norm=mfa_norm, padding=padding)
        self.pooling = AttentiveStatisticsPooling(
            *(mfa_channels, attention_channels),
            global_context=True,
            variance_floor=variance_floor,
            kind=pooling,
            tanh=attention_tanh,
        )
        self.pooling_norm = nn.BatchNorm1d(self.pooling.out_channels)
        self.embedding = nn.Linear(self.pooling.out_channels, embedding_dim)
        self.embedding_norm = nn.BatchNorm1d(embedding_dim) if embedding_norm else nn.Identity()

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F) features, lengths (B,) int64 frames or None (all T) -> (B, D) embeddings."""
        mask = None if lengths is None else length_mask(lengths, feats.shape[1])
        x = self.stem(feats.transpose(1, 2), mask)
        outputs = []
        for block in self.blocks:
            outputs.append(block(x, mask))
            x = x + outputs[-1] if self.residual_sum else outputs[-1]
        x = self.mfa(torch.cat(outputs, dim=1), mask)
        return self.embedding_norm(self.embedding(self.pooling_norm(self.pooling(x, mask))))
