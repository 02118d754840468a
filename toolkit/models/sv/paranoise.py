"""ParaNoise-SV."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.nn.mask import length_mask, zero_padding
from toolkit.nn.pooling import AttentiveStatisticsPooling
from toolkit.nn.res2net import AttentionalFeatureFusion, Res2NetBlock, Res2NetStage
from toolkit.nn.resnet import SEBasicBlock
from toolkit.nn.unet import Decoder, Encoder, Masks, Merge, stem

NOISE = ("spectrogram", "class", "snr", "class+snr", "none")
_EXPANSION = 2


class ParaNoise(SpeakerEncoder):
    """ParaNoise-SV (Kim, Jang, Kim 2025, arXiv 2508.07219, sections 2 and 3, table 1).

    Two parallel U-Nets read a log-mel spectrogram: noise extraction (NE) estimates the noise, speech enhancement (SE)
    the speech. Parallel connections feed maps of NE to SE (eq. 5). An ERes2NetV2 on the enhanced spectrogram also reads
    the maps of SE's decoder. The embedding comes from two pooled maps: the deepest of SE's encoder, and the last of the
    ERes2NetV2.

    The default has 7.75 M parameters, as in table 5. The paper does not give the kernels after concatenations, the
    layers of the channel adaptation and the bottlenecks of the pooling. Several choices give that number, so kernels
    are arguments. Equation 7 is followed literally: D_i reads E_{4-i}, and the output also reads E0.

    Use it with ``LogMelSpectrogram`` (64 bins) and ``normalize: mean_var``, the instance normalisation of the paper.

    Args:
        n_mels: F, number of features per frame.
        embedding_dim: D, size of the initial and of the final embedding.
        channels: channels of the four U-Net levels; twice as many in the stages of the speaker network.
        blocks: number of blocks per level in the U-Net encoders (reversed in the decoders) and in the speaker network.
        noise: target of NE: ``spectrogram``; ``class``, ``snr`` or ``class+snr`` (variants of table 4, without NE
            decoder); ``none``: no NE (baseline of table 2).
        parallel: NE maps that SE reads, among ``enc`` and ``dec``; empty without NE.
        noise_classes: noise types for ``class``, by their names in the mixtures.
        parallel_kernel, decoder_kernel, speaker_kernel: kernels of the convolutions after the concatenations of NE with
            SE, in the decoders, and in the speaker network.
        adaptation_kernel, adaptation_depth: kernel and number of the convolutions of the channel adaptation.
        base_width: see :class:`toolkit.nn.res2net.Res2NetBlock`.

    Raises:
        InputError: ``noise`` or ``parallel`` is unknown, or they do not fit together.

    Example::

        ParaNoise()(torch.randn(2, 200, 64)).shape  # (2, 192)
    """

    def __init__(
        self,
        n_mels: int = 64,
        embedding_dim: int = 192,
        channels: tuple[int, int, int, int] = (16, 32, 64, 128),
        blocks: tuple[int, int, int, int] = (3, 4, 6, 3),
        noise: str = "spectrogram",
        parallel: tuple[str, ...] = ("enc",),
        noise_classes: tuple[str, ...] = ("noise", "babble", "music"),
        parallel_kernel: int = 3,
        decoder_kernel: int = 1,
        speaker_kernel: int = 1,
        adaptation_kernel: int = 3,
        adaptation_depth: int = 2,
        base_width: int = 26,
    ):
        super().__init__()
        _check(noise, parallel)
        self.embedding_dim, self.noise, self.parallel = embedding_dim, noise, parallel
        self.noise_classes = noise_classes if "class" in noise else ()
        guest = {part: parallel_kernel if part in parallel else 0 for part in ("enc", "dec")}
        bins = (n_mels + 7) // 8  # halved three times, rounded up
        self.noise_encoder = Encoder(channels, blocks) if noise != "none" else None
        self.noise_decoder = Decoder(channels, blocks, decoder_kernel) if noise == "spectrogram" else None
        self.noise_attributes = None
        if noise not in ("spectrogram", "none"):
            self.noise_attributes = NoiseAttributes(channels[-1] * bins, embedding_dim, noise, len(noise_classes))
        self.speech_encoder = Encoder(channels, blocks, guest["enc"])
        self.speech_decoder = Decoder(channels, blocks, decoder_kernel, guest["dec"])
        adaptation = (adaptation_kernel, adaptation_depth)
        self.speaker = SpeakerNetwork(channels, blocks, speaker_kernel, adaptation, base_width)
        self.initial_pooling = Pooling(channels[-1] * bins)
        self.final_pooling = Pooling(_EXPANSION * channels[-1] * bins)
        self.initial = _embedding(self.initial_pooling.out_channels, embedding_dim)
        both = self.initial_pooling.out_channels + self.final_pooling.out_channels
        self.final = _embedding(both, embedding_dim)
        _start_at_zero(self)
        cast(Any, self).to(memory_format=torch.channels_last)  # 20 % faster training on a CPU

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams for training: mixture, speech, and noise if NE estimates its spectrogram."""
        return ("wav", "spk1", "noise1") if self.noise == "spectrogram" else ("wav", "spk1")

    @property
    def output_dims(self) -> dict[str, int]:
        """Sizes of the initial and the final embedding."""
        return {"embedding": self.embedding_dim, "initial": self.embedding_dim}

    @property
    def output_classes(self) -> dict[str, tuple[str, ...]]:
        """Noise types, if NE classifies them."""
        return {"noise_class": tuple(self.noise_classes)} if self.noise_classes else {}

    def outputs(self, feats: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """Outputs for the loss.

        Args:
            feats: (B, T, F) normalised log-mel.
            lengths: (B,) number of frames; None: all have T.

        Returns:
            ``embedding`` and ``initial`` (B, D); ``speech`` (B, T, F) log-mel; from NE ``noise`` (B, T, F) log-mel, or
            ``noise_class`` (B, classes) logits and ``noise_snr`` (B,) dB.
        """
        return self._outputs(feats, lengths, everything=True)

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F) features, lengths (B,) int64 frames or None (all T) -> (B, D) final embeddings.

        Runs NE only if SE reads its maps.
        """
        return self._outputs(feats, lengths, everything=False)["embedding"]

    def _outputs(self, feats: Tensor, lengths: Tensor | None, everything: bool) -> dict[str, Tensor]:
        mask = None if lengths is None else length_mask(lengths, feats.shape[1])
        x = feats.transpose(1, 2)[:, None]
        shape = (x.shape[2], x.shape[3])
        outputs, noise_maps, noise_steps = {}, None, None
        if self.noise_encoder is not None and (everything or self.parallel):
            noise_maps, masks = self.noise_encoder(x, mask)
            if self.noise_decoder is not None and (everything or "dec" in self.parallel):
                noise_steps, noise = self.noise_decoder(noise_maps, masks, shape)
                outputs["noise"] = noise[:, 0].transpose(1, 2)
            elif self.noise_attributes is not None and everything:
                outputs |= self.noise_attributes(noise_maps[-1], masks[-1])
        maps, masks = self.speech_encoder(x, mask, noise_maps)
        steps, speech = self.speech_decoder(maps, masks, shape, noise_steps)
        outputs["speech"] = speech[:, 0].transpose(1, 2)
        pooled = self.initial_pooling(maps[-1], masks[-1])
        outputs["initial"] = self.initial(pooled)
        last, last_mask = self.speaker(speech, steps, masks)
        outputs["embedding"] = self.final(torch.cat((pooled, self.final_pooling(last, last_mask)), dim=1))
        return outputs


def _check(noise: str, parallel: tuple[str, ...]) -> None:
    if noise not in NOISE:
        raise InputError(f"noise {noise!r}: must be one of {', '.join(NOISE)}")
    if unknown := set(parallel) - {"enc", "dec"}:
        raise InputError(f"parallel {sorted(unknown)[0]!r}: must be one of enc, dec")
    if noise == "none" and parallel:
        raise InputError(f"parallel {', '.join(parallel)}: must be empty without noise extraction (noise: none)")
    if noise not in ("spectrogram", "none") and "dec" in parallel:
        raise InputError(f"parallel dec: noise extraction has no decoder with noise: {noise}; use enc only")


def _start_at_zero(network: nn.Module) -> None:
    """Initialise residual branches to zero (Goyal et al. 2017, arXiv 1706.02677, section 5.1).

    The network is 48 blocks deep. Otherwise the gradient of L_AP and L_AAM reaches SE's first convolutions with a norm
    of about 10^5, a thousand times that of L_s, and the second moment of amsgrad then stops SE permanently.
    """
    for block in network.modules():
        if isinstance(block, SEBasicBlock):
            nn.init.zeros_(block.norm2.weight)
        elif isinstance(block, Res2NetBlock):
            nn.init.zeros_(cast(nn.BatchNorm2d, block.expand[1]).weight)


def _embedding(in_features: int, embedding_dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(in_features, embedding_dim), nn.BatchNorm1d(embedding_dim))


class Pooling(nn.Module):
    """Attentive statistics pooling and normalisation: (B, C, F, T) -> (B, 2 C F).

    Args:
        features: C F; the bottleneck of the attention is an eighth of it.
    """

    def __init__(self, features: int):
        super().__init__()
        self.attentive = AttentiveStatisticsPooling(features, max(features // 8, 1))
        self.out_channels = self.attentive.out_channels
        self.norm = nn.BatchNorm1d(self.out_channels)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, F, T), mask (B, T) -> (B, 2 C F)."""
        return self.norm(self.attentive(x.flatten(1, 2), mask))


class NoiseAttributes(nn.Module):
    """Noise type and SNR from NE's deepest map: a pooled code and linear heads (table 4; NA-ExU-Net).

    Args:
        features: channels times frequency of the map.
        code_dim: size of the noise code.
        attributes: ``class``, ``snr`` or ``class+snr``.
        classes: number of noise types.
    """

    def __init__(self, features: int, code_dim: int, attributes: str, classes: int):
        super().__init__()
        self.pooling = Pooling(features)
        self.code = _embedding(self.pooling.out_channels, code_dim)
        self.kind = nn.Linear(code_dim, classes) if "class" in attributes else None
        self.level = nn.Linear(code_dim, 1) if "snr" in attributes else None

    def forward(self, x: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """(B, C, F, T), mask (B, T) -> ``noise_class`` (B, classes) logits, ``noise_snr`` (B,) dB."""
        code = self.code(self.pooling(x, mask))
        outputs = {} if self.kind is None else {"noise_class": self.kind(code)}
        return outputs if self.level is None else outputs | {"noise_snr": self.level(code)[:, 0]}


class SpeakerNetwork(nn.Module):
    """ERes2NetV2 on the enhanced spectrogram; each stage also reads a map of SE's decoder (section 2.3, figure 2).

    C: convolution on the spectrogram. S1 to S4: [previous output; channel adaptation of D4, D3, D2, D1] - convolution -
    Res2Net blocks, with attentional fusion in S3 and S4. F: S3, after a 3x3 convolution, fused with S4.

    Args:
        channels, blocks: as in ParaNoise.
        kernel_size: kernel of the convolutions after the concatenations.
        adaptation: kernel and number of the convolutions of the channel adaptation.
        base_width: see :class:`toolkit.nn.res2net.Res2NetBlock`.
    """

    def __init__(
        self,
        channels: tuple[int, ...],
        blocks: tuple[int, ...],
        kernel_size: int,
        adaptation: tuple[int, int],
        base_width: int,
    ):
        super().__init__()
        self.stem = stem(channels[0])
        before = (channels[0], *(_EXPANSION * width for width in channels[:-1]))  # of C, S1, S2, S3
        decoded = (channels[0], *channels[:-1])  # of D4, D3, D2, D1
        self.adaptations = nn.ModuleList(
            _channel_adaptation(have, want, *adaptation) for have, want in zip(decoded, before, strict=True)
        )
        self.merges = nn.ModuleList(
            Merge(2 * have, want, kernel_size) for have, want in zip(before, channels, strict=True)
        )
        self.stages = nn.ModuleList(
            Res2NetStage(width, width, depth, stride, base_width=base_width, expansion=_EXPANSION, fusion=i >= 2)
            for i, (width, depth, stride) in enumerate(zip(channels, blocks, (1, 2, 2, 1), strict=True))
        )
        third, fourth = _EXPANSION * channels[2], _EXPANSION * channels[3]
        self.down = nn.Conv2d(third, fourth, 3, padding=1, bias=False)
        self.fusion = AttentionalFeatureFusion(fourth)

    def forward(self, speech: Tensor, steps: list[Tensor], masks: Masks) -> tuple[Tensor, Tensor | None]:
        """speech (B, 1, F, T), [D0, ..., D4], masks of E0 .. E4 -> (B, 2 C_4, F / 8, T / 4), mask (B, T / 4)."""
        x, mask = self.stem(speech), masks[0]
        for i, stage in enumerate(self.stages):
            third = x
            adapted = steps[4 - i]
            for layer in cast(nn.Sequential, self.adaptations[i]):
                adapted = layer(zero_padding(adapted, masks[i]))
            x, mask = stage(self.merges[i](x, adapted, masks[i]), masks[i])
        return self.fusion(x, self.down(zero_padding(third, masks[3]))), mask


def _channel_adaptation(in_channels: int, out_channels: int, kernel_size: int, depth: int) -> nn.ModuleList:
    """Convolution - batch normalisation - ReLU, ``depth`` times; the first changes the channels."""
    widths = (in_channels, *[out_channels] * depth)
    return nn.ModuleList(
        nn.Sequential(
            nn.Conv2d(widths[i], out_channels, kernel_size, padding=kernel_size // 2, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )
        for i in range(depth)
    )
