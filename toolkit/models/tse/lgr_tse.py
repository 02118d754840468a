"""LGR-TSE: a convolutional recurrent network with local and global representations of the enrolled speaker."""

import torch
from torch import Tensor, nn

from toolkit.features.complex_stft import magnitude
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.tse.spectral import Enrolment, SpectralExtractor
from toolkit.nn.arn import ARN
from toolkit.nn.deep_filter import DeepFilter
from toolkit.nn.frequency_unet import FrequencyDecoder, FrequencyEncoder, doubling, halved_bins, halving, through
from toolkit.nn.local_global import LocalGlobal

_INPUTS = 3  # magnitude, real and imaginary part of the mixture


class LGRTSE(SpectralExtractor):
    """LGR-TSE (He, Rao, Zhang et al. 2023, ICASSP, section 3, figure 1 and table 1).

    Input: magnitude, real and imaginary part of the mixture. Convolutions that halve frequency; an ARN over time;
    transposed convolutions with skip connections; a deep filter over 5 frames and 3 bins. Local features of the
    enrolment are concatenated to the input of every convolution, and an embedding multiplies the ARN input
    (:class:`toolkit.nn.local_global.LocalGlobal`). ``representation`` selects one of the three systems of table 2.
    15,609,500 parameters with both and embeddings of 256 dimensions, without the speaker encoder. Train with
    ``RIMagSISNR``.

    The speaker encoder is any trained verifier; training does not change it::

        speaker_encoder: {class_path: TrainedEmbedder, init_args: {system: ../sv/exp/sv_x}}
        speaker_encoder:
          class_path: SpeakerEmbedder
          init_args:
            frontend: {class_path: MelPower}
            model: {class_path: GE2E, init_args: {weights: resemblyzer}}
            normalize: none

    Its weights are part of the experiment's weights, so ``Extractor`` works from waveforms. Loading an experiment reads
    the config of the named system; a package contains that config. In training the encoder embeds the enrolments of
    every batch. To compute embeddings of whole enrolments once, run ``embed_utterances`` and set
    ``data.init_args.embeddings`` to its ``embedding.scp``; the encoder then runs only in validation. Without
    ``speaker_encoder``, set ``embedding_dim`` to the size of the embeddings in that file; extraction from waveforms is
    then not possible.

    The paper does not give the input of the local convolutions (``local_in``), the activation of the filter taps
    (``taps``, default linear), the length of embeddings (``unit_embedding``) and levels (``level``). In training, batch
    normalisation of the local network includes padded frames of enrolments; set ``enroll_seconds`` to two equal numbers
    for enrolments of equal length.

    Args:
        speaker_encoder: encoder of enrolments; not used with ``representation: local``.
        embedding_dim: D, if there is no ``speaker_encoder``.
        fs: sampling rate in Hz.
        representation: representation of the enrolment: ``local``, ``global``, or ``lgr`` (both).
        window, hop: frame length (Hann window) and shift in samples.
        channels: channels of the convolutions.
        local_in: 2: the convolutions of the local network read magnitudes and ARN output; 1: only the ARN output.
        local_hidden: channels of the ARN in the local network.
        taps: ``linear``, or ``gated``: tanh times sigmoid, from twice as many channels.
        filter_frames, filter_bins: number of neighbours on each side in the filter.
        unit_embedding: scale the embedding to unit length.
        dropout: dropout in the feedforward blocks of both ARNs.
        level: standard deviation to which mixture and enrolment are scaled first, e.g. 0.1; None: no scaling.

    Raises:
        InputError: an option is unknown; the speaker encoder is missing, or has another sampling rate, or another size
            than ``embedding_dim``; or the bins cannot be halved by all convolutions.

    Example::

        LGRTSE(representation="local")(torch.randn(2, 16000), torch.randn(2, 32000)).shape  # (2, 16000)
    """

    def __init__(
        self,
        speaker_encoder: SpeakerEmbedder | None = None,
        embedding_dim: int | None = None,
        fs: int = 16000,
        representation: str = "lgr",
        window: int = 320,
        hop: int = 160,
        channels: tuple[int, ...] = (16, 32, 64, 128, 256),
        local_in: int = 2,
        local_hidden: int = 32,
        taps: str = "linear",
        filter_frames: int = 2,
        filter_bins: int = 1,
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
        self.filter = DeepFilter(filter_frames, filter_bins, taps)
        self.encoder = FrequencyEncoder.of(_encoder_layer, _INPUTS, channels, self.speaker.added)
        self.decoder = FrequencyDecoder(_decoder_layer, self.filter.channels, channels, bins)
        self.arn = ARN(bottleneck, dropout=dropout)

    def estimate(self, spectrum: Tensor, enrolment: Enrolment) -> Tensor:
        """Spectrogram of the mixture (B, 2, F, T) -> channels of the deep filter (B, channels, F, T)."""
        cues = self.speaker(*enrolment)
        maps = self.encoder(torch.cat((magnitude(spectrum)[:, None], spectrum), dim=1), cues)
        return self.decoder(through(self.arn, maps[-1], cues), maps)

    def applied(self, estimate: Tensor, spectrum: Tensor) -> Tensor:
        """Channels of the filter and the spectrogram (B, 2, F, T) -> filtered (B, 2, F, T)."""
        return self.filter(estimate, spectrum)


def _encoder_layer(in_channels: int, out_channels: int) -> nn.Sequential:
    """(B, C, F, T) -> (B, C', (F - 1) // 2, T)."""
    return nn.Sequential(halving(in_channels, out_channels), nn.BatchNorm2d(out_channels), nn.PReLU())


def _decoder_layer(in_channels: int, out_channels: int, bins: int, last: bool) -> nn.Sequential:
    """(B, C, (F - 1) // 2, T) -> (B, C', F, T); the last layer has no activation."""
    after = () if last else (nn.BatchNorm2d(out_channels), nn.PReLU())
    return nn.Sequential(doubling(in_channels, out_channels, bins), *after)
