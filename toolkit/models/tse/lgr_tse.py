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

    Magnitude, real and imaginary part of the mixture; convolutions that halve frequency; an ARN over time; transposed
    convolutions with skip connections; a deep filter over 5 frames and 3 bins; back to audio. Of the enrolment, local
    features stand beside the input of every convolution, and an embedding multiplies the input of the ARN
    (:class:`toolkit.nn.local_global.LocalGlobal`). ``representation`` makes the three systems of table 2. 15,609,500
    parameters with both and embeddings of 256 numbers, without the speaker encoder's. Train by ``RIMagSISNR``.

    The speaker encoder is any trained verifier, and stays as it is::

        speaker_encoder: {class_path: TrainedEmbedder, init_args: {system: ../sv/exp/sv_x}}
        speaker_encoder:
          class_path: SpeakerEmbedder
          init_args:
            frontend: {class_path: MelPower}
            model: {class_path: GE2E, init_args: {weights: resemblyzer}}
            normalize: none

    Its weights are part of the experiment's weights, so ``Extractor`` works from waveforms alone. Loading an experiment
    reads the config of the named system; a package contains it. In training the encoder embeds the enrolments of every
    batch. To compute embeddings of whole enrolments once, run ``embed_utterances`` and set
    ``data.init_args.embeddings`` to its ``embedding.scp``; the encoder then runs in validation only. Without
    ``speaker_encoder``, ``embedding_dim`` is the size of the embeddings in that file, and extraction from waveforms is
    not possible.

    The paper leaves open the input of the local convolutions (``local_in``), the activation of the filter's taps
    (``taps``; it names none, so the default is linear), the length of embeddings (``unit_embedding``) and levels
    (``level``). In training, batch normalisation of the local network counts padded frames of enrolments;
    ``enroll_seconds`` with two equal numbers makes them of one length.

    Args:
        speaker_encoder: makes the embedding of an enrolment; not read with ``representation: local``.
        embedding_dim: D, where there is no ``speaker_encoder``.
        fs: rate in Hz.
        representation: of the enrolment: ``local``, ``global`` or ``lgr``, both.
        window, hop: of the spectrogram, samples; Hann.
        channels: of the convolutions.
        local_in: 2: the local network's convolutions read the magnitudes and the ARN's output; 1: the latter alone.
        local_hidden: channels of the local network's ARN.
        taps: ``linear``, or ``gated``: tanh times sigmoid, from twice as many channels.
        filter_frames, filter_bins: neighbours to each side in the filter.
        unit_embedding: the embedding is brought to unit length.
        dropout: in the feedforward blocks of both ARNs.
        level: standard deviation to which mixture and enrolment are scaled, e.g. 0.1, before local features and
            separation; None: no scaling.

    Raises:
        InputError: an option is unknown, the speaker encoder is missing, for another rate or of another size than
            ``embedding_dim``, or there are more convolutions than the bins can be halved.

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
        """Channels of the deep filter, of the mixture's spectrogram (B, 2, F, T): (B, channels, F, T)."""
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
    """(B, C, (F - 1) // 2, T) -> (B, C', F, T); the last layer gives taps of any value."""
    after = () if last else (nn.BatchNorm2d(out_channels), nn.PReLU())
    return nn.Sequential(doubling(in_channels, out_channels, bins), *after)
