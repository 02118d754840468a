"""GatedCRN: real and imaginary spectrogram by a gated convolutional recurrent network with two decoders."""

import torch
from torch import Tensor, nn

from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.tse.spectral import Enrolment, SpectralExtractor
from toolkit.nn.frequency_unet import FrequencyDecoder, FrequencyEncoder, doubling, halved_bins, halving, through
from toolkit.nn.gated import Gated
from toolkit.nn.grouped_lstm import GroupedLSTM
from toolkit.nn.local_global import LocalGlobal


class GatedCRN(SpectralExtractor):
    """GCRN (Tan and Wang 2020, TASLP 28, pp. 380-390) conditioned on a speaker, as in tables 2 and 3 of LGR.

    Input: real and imaginary part of the mixture. Gated linear units of convolutions over 3 bins of one frame, which
    halve frequency, with batch normalisation and ELU; a grouped BLSTM with two layers; for each part a decoder of
    transposed gated linear units with skip connections, and a linear layer over frequency. Output: the spectrogram.

    ``representation: global`` is the baseline: an embedding multiplies the LSTM input, as in LGR-TSE (the paper does
    not say where it enters). With ``lgr``, local features are also concatenated to the input of every convolution
    (:class:`toolkit.nn.local_global.LocalGlobal`). With embeddings of 256 dimensions 7,937,356 and 8,274,445
    parameters, without the speaker encoder, which is that of :class:`LGRTSE`. In a config::

        model:
          class_path: GatedCRN
          init_args:
            representation: global    # lgr: with local features
            speaker_encoder: {class_path: TrainedEmbedder, init_args: {system: ../sv/exp/sv_x}}

    Args:
        speaker_encoder, embedding_dim, fs, representation, window, hop, channels, local_in, local_hidden,
            unit_embedding, dropout, level: see :class:`LGRTSE`; ``dropout`` is in the ARN of the local network.
        groups, lstm_layers: groups and layers of the LSTM.

    Raises:
        InputError: as in :class:`LGRTSE`; or the LSTM input cannot be divided by groups and directions.

    Example::

        GatedCRN(embedding_dim=256)(torch.randn(2, 16000), embedding=torch.randn(2, 256)).shape  # (2, 16000)
    """

    def __init__(
        self,
        speaker_encoder: SpeakerEmbedder | None = None,
        embedding_dim: int | None = None,
        fs: int = 16000,
        representation: str = "global",
        window: int = 320,
        hop: int = 160,
        channels: tuple[int, ...] = (16, 32, 64, 128, 256),
        groups: int = 2,
        lstm_layers: int = 2,
        local_in: int = 2,
        local_hidden: int = 32,
        unit_embedding: bool = False,
        dropout: float = 0.05,
        level: float | None = None,
    ):
        super().__init__(speaker_encoder, embedding_dim, fs, representation, window, hop, level)
        bins = halved_bins(self.stft.bins, channels)
        local = FrequencyEncoder.of(_encoder_layer, local_in, channels[:-1])
        bottleneck = channels[-1] * bins[-1]
        options = (representation, local_in, local_hidden, unit_embedding, dropout)
        self.speaker = LocalGlobal(local, channels[:-1], bottleneck, self.embedding_dim, *options)
        self.encoder = FrequencyEncoder.of(_encoder_layer, 2, channels, self.speaker.added)
        self.rnn = GroupedLSTM(bottleneck, groups, lstm_layers)
        self.decoders = nn.ModuleList(FrequencyDecoder(_decoder_layer, 1, channels, bins) for _ in range(2))
        self.out = nn.ModuleList(nn.Linear(self.stft.bins, self.stft.bins) for _ in range(2))

    def estimate(self, spectrum: Tensor, enrolment: Enrolment) -> Tensor:
        """Spectrogram of the mixture -> of the speaker: (B, 2, F, T) -> (B, 2, F, T)."""
        cues = self.speaker(*enrolment)
        maps = self.encoder(spectrum, cues)
        x = through(self.rnn, maps[-1], cues)
        pairs = zip(self.decoders, self.out, strict=True)
        planes = [out(layers(x, maps).transpose(2, 3)) for layers, out in pairs]
        return torch.cat(planes, dim=1).transpose(2, 3)

    def applied(self, estimate: Tensor, spectrum: Tensor) -> Tensor:
        """The estimate itself, (B, 2, F, T)."""
        return estimate


def _encoder_layer(in_channels: int, out_channels: int) -> nn.Sequential:
    """(B, C, F, T) -> (B, C', (F - 1) // 2, T)."""
    glu = Gated(*(halving(in_channels, out_channels, frames=1) for _ in range(2)))
    return nn.Sequential(glu, nn.BatchNorm2d(out_channels), nn.ELU())


def _decoder_layer(in_channels: int, out_channels: int, bins: int, last: bool) -> nn.Sequential:
    """(B, C, (F - 1) // 2, T) -> (B, C', F, T); the same for the last layer."""
    glu = Gated(*(doubling(in_channels, out_channels, bins, frames=1) for _ in range(2)))
    return nn.Sequential(glu, nn.BatchNorm2d(out_channels), nn.ELU())
