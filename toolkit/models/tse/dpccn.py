"""DPCCN, a U-Net over complex spectrograms, and sDPCCN, which extracts a speaker with it."""

import itertools

import torch
from torch import Tensor, nn

from toolkit.features.complex_stft import ComplexSTFT, magnitude
from toolkit.io.errors import InputError
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.nn.attention import attention as attention_block
from toolkit.nn.dense_unet import Conv2dBlock, DenseBlock, PyramidPooling, Transposed2dBlock
from toolkit.nn.mask import length_mask, masked_mean, zero_padding
from toolkit.nn.tcn import GlobalLayerNorm, TemporalNetwork

_VARIANCE_FLOOR = 1e-12


class DPCCN(nn.Module):
    """Densely-connected pyramid complex convolutional network (Han, Long et al. 2022, ICASSP, pp. 7292-7296).

    In the version of SEF-PNet's authors (arXiv 2501.11274, section III-B): a convolution; a dense block; encoder stages
    that halve frequency, first with and then without dense blocks; a TCN on channels times remaining bins; mirrored
    decoder stages with skip connections; a dense block, pyramid pooling, and a transposed convolution to real and
    imaginary part. F - 2 = 127 bins become 63, 31, 15, 7, 3, 1; if a number is even, the decoder restores the bin that
    halving drops. The number of frames is constant.

    Args:
        bins: F of the spectrograms.
        in_channels: channels of the input.
        mix_channels: 0: the first layer is a 3x3 convolution. Else: a 1x1 convolution to this number of channels, the
            attention block, and a convolution over three bins of one frame.
        stem_channels: output channels of the first layer.
        dense_channels: channels of the encoder stages with dense blocks.
        conv_channels: channels of the encoder stages without.
        dense_depth: number of convolutions in a dense block.
        tcn_layers, tcn_blocks: see :class:`toolkit.nn.tcn.TemporalNetwork`.
        attention: block after each encoder stage and after the 1x1 convolution: ``none``, ``lca``, ``se`` or ``cbam``.

    Attributes:
        bottleneck: channels of the TCN.

    Raises:
        InputError: ``bins`` cannot be halved by all stages, a width or ``dense_depth`` is below 1, or ``attention`` is
            unknown.
    """

    def __init__(
        self,
        bins: int,
        in_channels: int = 2,
        mix_channels: int = 0,
        stem_channels: int = 16,
        dense_channels: tuple[int, ...] = (32, 32, 32, 32),
        conv_channels: tuple[int, ...] = (64, 128, 384),
        dense_depth: int = 5,
        tcn_layers: int = 2,
        tcn_blocks: int = 10,
        attention: str = "none",
    ):
        super().__init__()
        widths = (stem_channels, *dense_channels, *conv_channels)
        if min(*widths, dense_depth) < 1:
            raise InputError(f"widths {widths}, dense_depth {dense_depth}: must be 1 or more")
        rest = _bins_left(bins, len(widths) - 1)
        self.stem = _stem(in_channels, mix_channels, stem_channels, attention)
        first = DenseBlock(stem_channels, stem_channels, stem_channels, dense_depth)
        self.encoder = nn.ModuleList([nn.Sequential(first, attention_block(attention, stem_channels))])
        self.decoder = nn.ModuleList()
        for i, (before, width) in enumerate(itertools.pairwise(widths)):
            dense = i < len(dense_channels)
            block = DenseBlock(width, width, width, dense_depth) if dense else nn.Identity()
            stage = (Conv2dBlock(before, width, halve=True), block, attention_block(attention, width))
            self.encoder.append(nn.Sequential(*stage))
            self.decoder.insert(0, DecoderStage(width, before, dense_depth if dense else 0))
        self.bottleneck = widths[-1] * rest
        self.tcn = TemporalNetwork(self.bottleneck, tcn_layers, tcn_blocks)
        self.last = DenseBlock(2 * stem_channels, stem_channels, 2 * stem_channels, dense_depth)
        self.pyramid = PyramidPooling(2 * stem_channels)
        self.out = nn.ConvTranspose2d(2 * stem_channels, 2, 3, padding=(0, 1))

    def forward(self, x: Tensor, speaker: Tensor | None = None) -> Tensor:
        """(B, in_channels, F, T >= 2), speaker (B, bottleneck) gains on the TCN input -> (B, 2, F, T)."""
        maps = [self.stem(x)]
        for stage in self.encoder:
            maps.append(stage(maps[-1]))
        deepest = maps[-1].flatten(1, 2)
        if speaker is not None:
            deepest = deepest * speaker[:, :, None]
        x = self.tcn(deepest).view_as(maps[-1])
        for stage in self.decoder:
            x = stage(x, maps.pop(), maps[-1].shape[2])
        x = self.last(torch.cat((x, maps.pop()), dim=1))
        return self.out(self.pyramid(x))


def _bins_left(bins: int, stages: int) -> int:
    """Number of bins of the deepest map."""
    rest = bins - 2
    for _ in range(stages):
        rest = (rest - 1) // 2
    if rest < 1:
        raise InputError(f"{stages} stages cannot halve {bins} bins; shorten dense_channels or conv_channels")
    return rest


def _stem(in_channels: int, mix_channels: int, out_channels: int, attention: str) -> nn.Sequential:
    """The first layer, which drops two bins."""
    if not mix_channels:
        return nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, padding=(0, 1)), nn.ReLU(inplace=True))
    mix = (nn.Conv2d(in_channels, mix_channels, 1), attention_block(attention, mix_channels))
    return nn.Sequential(*mix, nn.Conv2d(mix_channels, out_channels, (3, 1)), nn.ReLU(inplace=True))


class DecoderStage(nn.Module):
    """[map; encoder map] - dense block, if any - transposed convolution.

    Args:
        channels: channels of each of the two maps.
        out_channels: channels of the encoder map at the next higher resolution.
        dense_depth: number of convolutions in the dense block; 0: no dense block.
    """

    def __init__(self, channels: int, out_channels: int, dense_depth: int):
        super().__init__()
        both = 2 * channels
        self.dense = DenseBlock(both, channels, both, dense_depth) if dense_depth else nn.Identity()
        self.up = Transposed2dBlock(both, out_channels)

    def forward(self, x: Tensor, skip: Tensor, bins: int) -> Tensor:
        """(B, C, F, T) twice, bins F' of the resolution above -> (B, C_out, F', T)."""
        return self.up(self.dense(torch.cat((x, skip), dim=1)), bins)


class SDPCCN(SpeakerExtractor):
    """sDPCCN, extraction with a speaker encoder (Han, Long et al. 2022; S0 of SEF-PNet's table I, 6.63 M, 8.49 G).

    Mixture and enrolment are divided by their standard deviations. DPCCN processes the spectrogram of the mixture, with
    its deepest map multiplied by the speaker vector. The output is scaled by the standard deviation of the mixture. The
    two papers do not describe the speaker encoder; here it is a small common one with the published size and cost.

    Args:
        fs: sampling rate in Hz.
        window, hop: frame length and shift of the spectrogram in samples.
        speaker_channels: channels in the speaker encoder.
        stem_channels, dense_channels, conv_channels, dense_depth, tcn_layers, tcn_blocks, attention: see
            :class:`DPCCN`.

    Raises:
        InputError: ``speaker_channels`` is below 1, or as in :class:`DPCCN`.

    Example::

        SDPCCN()(torch.randn(2, 8000), torch.randn(2, 16000)).shape  # (2, 8000)
    """

    def __init__(
        self,
        fs: int = 8000,
        window: int = 512,
        hop: int = 128,
        speaker_channels: int = 512,
        stem_channels: int = 16,
        dense_channels: tuple[int, ...] = (32, 32, 32, 32),
        conv_channels: tuple[int, ...] = (64, 128, 384),
        dense_depth: int = 5,
        tcn_layers: int = 2,
        tcn_blocks: int = 10,
        attention: str = "none",
    ):
        super().__init__()
        if speaker_channels < 1:
            raise InputError(f"speaker_channels {speaker_channels}: must be 1 or more")
        self.fs = fs
        self.stft = ComplexSTFT(window, hop)
        sizes = (stem_channels, dense_channels, conv_channels, dense_depth, tcn_layers, tcn_blocks)
        self.network = DPCCN(self.stft.bins, 2, 0, *sizes, attention)
        self.speaker = EnrolmentEncoder(self.stft.bins, speaker_channels, self.network.bottleneck)

    def forward(self, mixture: Tensor, enrolment: Tensor, enrolment_lengths: Tensor | None = None) -> Tensor:
        """mixture (B, N), enrolment (B, M) samples, its lengths (B,) or None (all M) -> (B, N)."""
        with torch.autocast(mixture.device.type, enabled=False):  # STFT in full precision
            level = deviation(mixture)
            spectrum = self.stft(mixture / level)[0]
            enrolled, mask = self.stft(enrolment / deviation(enrolment, enrolment_lengths), enrolment_lengths)
        extracted = self.network(spectrum, self.speaker(magnitude(enrolled), mask))
        with torch.autocast(mixture.device.type, enabled=False):
            return self.stft.inverse(extracted.to(mixture.dtype), mixture.shape[1]) * level


def deviation(wav: Tensor, lengths: Tensor | None = None) -> Tensor:
    """wav (B, N), lengths (B,) or None (all N) -> standard deviation (B, 1), at least 1e-6."""
    mask = None if lengths is None else length_mask(lengths, wav.shape[1])
    centred = wav - masked_mean(wav[:, None], mask)
    return masked_mean(centred.square()[:, None], mask).clamp(min=_VARIANCE_FLOOR).sqrt()


class EnrolmentEncoder(nn.Module):
    """Speaker vector: one block of Conv-TasNet on the magnitude spectrogram, then the mean over time.

    1x1 - PReLU - gLN - depthwise, 3 frames - PReLU - gLN - 1x1 (Luo and Mesgarani 2019, arXiv 1809.07454, figure 1c).

    Args:
        bins: F.
        channels: channels in the block.
        dim: D, size of the vector.
    """

    def __init__(self, bins: int, channels: int, dim: int):
        super().__init__()
        self.expand, self.activation1, self.norm1 = nn.Conv1d(bins, channels, 1), nn.PReLU(), GlobalLayerNorm(channels)
        self.depthwise = nn.Conv1d(channels, channels, 3, padding=1, groups=channels)
        self.activation2, self.norm2 = nn.PReLU(), GlobalLayerNorm(channels)
        self.project = nn.Conv1d(channels, dim, 1)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, F, T), mask (B, T) of valid frames -> (B, D)."""
        x = self.norm1(self.activation1(self.expand(x)), mask)
        x = self.norm2(self.activation2(self.depthwise(zero_padding(x, mask))), mask)
        return masked_mean(self.project(x), mask)
