"""TEA-PSE: one network for the magnitude, then one for the complex residual."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from toolkit.features.complex_stft import compress, decompress, magnitude
from toolkit.io.errors import InputError
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.tse.spectral import Enrolment, SpectralExtractor
from toolkit.nn.cumulative_norm import CumulativeLayerNorm
from toolkit.nn.frequency_unet import FrequencyDecoder, FrequencyEncoder, doubling, halved_bins, halving
from toolkit.nn.gated import Gated
from toolkit.nn.local_global import LocalGlobal
from toolkit.nn.squeezed_tcn import SqueezedTemporalNetwork

if TYPE_CHECKING:
    from typing_extensions import Self


class TEAPSE(SpectralExtractor):
    """TEA-PSE (Ju, Rao et al. 2022, ICASSP, pp. 9291-9295), not causal, as in tables 2 and 3 of LGR.

    Both stages use spectrograms compressed to |X|^p. Stage 1, MAG-Net, computes a mask in [0, 1] from the magnitudes of
    the mixture and keeps its phase. Stage 2, COM-Net, reads real and imaginary part of the mixture and of the result of
    stage 1, and adds a correction to that result. Both are a :class:`TeaNet`; MAG-Net has one decoder, COM-Net two.

    ``representation: global`` is TEA-PSE: an embedding multiplies the input of every squeezed TCN. With ``lgr``, each
    stage also has a local network on the compressed magnitudes of the enrolment
    (:class:`toolkit.nn.local_global.LocalGlobal`). The sizes are arguments, because the paper does not give all of
    them. With the defaults and embeddings of 256 dimensions there are 7,804,252 (published: 7.8 M) and 9,448,678
    parameters, without the speaker encoder. Normalisation is cumulative and convolutions are centred: LGR makes the TCN
    non-causal and does not describe the rest. It also does not say whether stage 2 continues to train stage 1
    (``freeze_stage1``).

    The speaker encoder is that of :class:`LGRTSE`. Train stage 1 first, then stage 2 with ``--init_from``, which loads
    the weights into MAG-Net. In a config::

        model:
          class_path: TEAPSE
          init_args:
            stages: 1                 # then 2, with --init_from of the first
            representation: global    # lgr: with local features
            speaker_encoder: {class_path: TrainedEmbedder, init_args: {system: ../sv/exp/sv_x}}

    Args:
        speaker_encoder, embedding_dim, fs, representation, window, hop, local_in, local_hidden, unit_embedding,
            dropout, level: see :class:`LGRTSE`; ``dropout`` is in the ARN of the local networks.
        stages: 1: only MAG-Net; 2: both.
        freeze_stage1: with 2 stages, train only COM-Net; False: train both.
        power: p.
        channels: channels of every level.
        levels: number of convolutions that halve frequency.
        squeezed, kernel, dilations: see :class:`toolkit.nn.squeezed_tcn.SqueezedTemporalNetwork`.
        groups: number of squeezed TCNs in a stage.

    Raises:
        InputError: as in :class:`LGRTSE`; ``stages`` is not 1 or 2; ``freeze_stage1`` with one stage; ``power`` is not
            in (0, 1]; a size is below 1.

    Example::

        TEAPSE(embedding_dim=256)(torch.randn(2, 16000), embedding=torch.randn(2, 256)).shape  # (2, 16000)
    """

    def __init__(
        self,
        speaker_encoder: SpeakerEmbedder | None = None,
        embedding_dim: int | None = None,
        fs: int = 16000,
        representation: str = "global",
        window: int = 320,
        hop: int = 160,
        stages: int = 2,
        freeze_stage1: bool = False,
        power: float = 0.5,
        channels: int = 80,
        levels: int = 5,
        squeezed: int = 76,
        kernel: int = 5,
        dilations: tuple[int, ...] = (1, 2, 5, 9),
        groups: int = 4,
        local_in: int = 2,
        local_hidden: int = 32,
        unit_embedding: bool = False,
        dropout: float = 0.05,
        level: float | None = None,
    ):
        super().__init__(speaker_encoder, embedding_dim, fs, representation, window, hop, level)
        if stages not in (1, 2):
            raise InputError(f"stages {stages}: must be 1 or 2")
        if freeze_stage1 and stages == 1:
            raise InputError("freeze_stage1: must be false with one stage; set stages to 2")
        if not 0 < power <= 1:
            raise InputError(f"power {power:g}: must be above 0, at most 1")
        self.power, self.freeze_stage1 = power, freeze_stage1
        sizes = (self.stft.bins, channels, levels, squeezed, kernel, dilations, groups)
        speaker = (self.embedding_dim, representation, local_in, local_hidden, unit_embedding, dropout)
        self.mag_net = TeaNet(1, 1, sizes, speaker).requires_grad_(not freeze_stage1)
        self.com_net = TeaNet(4, 2, sizes, speaker) if stages == 2 else None

    def estimate(self, spectrum: Tensor, enrolment: Enrolment) -> Tensor:
        """Spectrogram of the mixture -> compressed spectrogram of the speaker: (B, 2, F, T) -> (B, 2, F, T)."""
        compressed = compress(spectrum, self.power)
        if enrolment.magnitude is not None:
            enrolment = enrolment._replace(magnitude=enrolment.magnitude**self.power)
        mask = self.mag_net(magnitude(spectrum)[:, None] ** self.power, enrolment).sigmoid()
        coarse = mask.to(compressed.dtype) * compressed
        if self.com_net is None:
            return coarse
        return coarse + self.com_net(torch.cat((compressed, coarse), dim=1), enrolment)

    def applied(self, estimate: Tensor, spectrum: Tensor) -> Tensor:
        """Decompress the spectrogram, (B, 2, F, T) -> (B, 2, F, T)."""
        return decompress(estimate, self.power)

    def train(self, mode: bool = True) -> "Self":
        """As in torch; a frozen MAG-Net stays in eval mode."""
        super().train(mode)
        if self.freeze_stage1:
            self.mag_net.eval()
        return self

    def start_from(self, weights: Mapping[str, Tensor]) -> None:
        """Start training from weights; if they are of stage 1 only, COM-Net keeps its weights."""
        own = {name: value for name, value in self.state_dict().items() if name.startswith("com_net.")}
        super().start_from(weights if own.keys() & weights.keys() else own | dict(weights))


class TeaNet(nn.Module):
    """One stage: gated convolutions that halve frequency; squeezed TCNs; decoders with skip connections.

    Every layer is a gated linear unit of 3 x 3 convolutions, cumulative layer normalisation and PReLU; the last layer
    of a decoder is only the gated linear unit. The embedding multiplies the input of every squeezed TCN.

    Args:
        inputs: number of input channels.
        outputs: number of decoders, with one channel each.
        sizes: bins F, channels, levels, squeezed, kernel, dilations, groups, see :class:`TEAPSE`.
        speaker: embedding_dim, kind, local_in, hidden, unit_embedding, dropout of
            :class:`toolkit.nn.local_global.LocalGlobal`.

    Raises:
        InputError: a size is invalid.
    """

    def __init__(self, inputs: int, outputs: int, sizes: tuple, speaker: tuple):
        super().__init__()
        bins, width, levels, squeezed, kernel, dilations, groups = sizes
        if groups < 1:
            raise InputError(f"groups {groups}: must be 1 or more")
        channels, (dim, kind, local_in, *options) = (width,) * levels, speaker
        halved = halved_bins(bins, channels)
        local = FrequencyEncoder.of(_encoder_layer, local_in, channels[:-1])
        bottleneck = width * halved[-1]
        self.speaker = LocalGlobal(local, channels[:-1], groups * bottleneck, dim, kind, local_in, *options)
        self.encoder = FrequencyEncoder.of(_encoder_layer, inputs, channels, self.speaker.added)
        tcn = (bottleneck, squeezed, kernel, dilations)
        self.tcns = nn.ModuleList(SqueezedTemporalNetwork(*tcn) for _ in range(groups))
        self.decoders = nn.ModuleList(FrequencyDecoder(_decoder_layer, 1, channels, halved) for _ in range(outputs))

    def forward(self, x: Tensor, enrolment: Enrolment) -> Tensor:
        """(B, inputs, F, T) -> (B, outputs, F, T), any values."""
        cues = self.speaker(*enrolment)
        maps = self.encoder(x, cues)
        deepest = maps[-1].flatten(1, 2)
        for part, tcn in enumerate(self.tcns):
            deepest = tcn(cues.fused(deepest.transpose(1, 2), part).transpose(1, 2))
        deepest = deepest.unflatten(1, maps[-1].shape[1:3])
        return torch.cat([layers(deepest, maps) for layers in self.decoders], dim=1)


def _encoder_layer(in_channels: int, out_channels: int) -> nn.Sequential:
    """(B, C, F, T) -> (B, C', (F - 1) // 2, T)."""
    glu = Gated(*(halving(in_channels, out_channels) for _ in range(2)))
    return nn.Sequential(glu, CumulativeLayerNorm(out_channels), nn.PReLU())


def _decoder_layer(in_channels: int, out_channels: int, bins: int, last: bool) -> nn.Sequential:
    """(B, C, (F - 1) // 2, T) -> (B, C', F, T); the last layer has no activation."""
    glu = Gated(*(doubling(in_channels, out_channels, bins) for _ in range(2)))
    return nn.Sequential(glu, *([] if last else [CumulativeLayerNorm(out_channels), nn.PReLU()]))
