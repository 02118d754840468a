"""LGR-TSE: a convolutional recurrent network with local and global representations of the enrolled speaker."""

import itertools

import torch
from torch import Tensor, nn

from toolkit.features.complex_stft import ComplexSTFT, magnitude
from toolkit.io.errors import InputError
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.models.tse.dpccn import deviation
from toolkit.nn.arn import ARN
from toolkit.nn.deep_filter import DeepFilter
from toolkit.nn.local_global import LocalGlobal, check_kind

_INPUTS = 3  # magnitude, real and imaginary part of the mixture


class LGRTSE(SpeakerExtractor):
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
        super().__init__()
        check_kind(representation)
        if level is not None and not level > 0:
            raise InputError(f"level {level:g}: must be above 0, or null")
        self.fs, self.level, self.uses_local = fs, level, representation != "global"
        if representation != "local":
            embedding_dim = self.embed_by(speaker_encoder, embedding_dim, self.uses_local)
        self.stft = ComplexSTFT(window, hop, "hann")
        sizes = _sizes(self.stft.bins, channels)
        local = [_encoder_layer(*pair) for pair in itertools.pairwise((local_in, *channels[:-1]))]
        bottleneck = channels[-1] * sizes[-1]
        options = (representation, local_in, local_hidden, unit_embedding, dropout)
        self.speaker = LocalGlobal(local, channels[:-1], bottleneck, embedding_dim, *options)
        added = self.speaker.added or (0,) * len(channels)
        self.filter = DeepFilter(filter_frames, filter_bins, taps)
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        below = (_INPUTS, *channels)
        for i, (before, width) in enumerate(itertools.pairwise(below)):
            self.encoder.append(_encoder_layer(before + added[i], width))
            out = before if i else self.filter.channels
            self.decoder.insert(0, _decoder_layer(2 * width, out, sizes[i : i + 2], last=not i))
        self.arn = ARN(bottleneck, dropout=dropout)

    def forward(
        self,
        mixture: Tensor,
        enrolment: Tensor | None = None,
        enrolment_lengths: Tensor | None = None,
        embedding: Tensor | None = None,
    ) -> Tensor:
        """Extract the enrolled speaker.

        Args:
            mixture: (B, N) samples.
            enrolment: (B, M) samples; None where local features are off and ``embedding`` is given.
            enrolment_lengths: (B,) samples; None: all have M.
            embedding: (B, D) of the enrolment; None: the speaker encoder makes it.

        Returns:
            (B, N) samples.
        """
        with torch.autocast(mixture.device.type, enabled=False):  # mixed precision is for the networks
            gain = self._gain(mixture)
            spectrum = self.stft(mixture * gain)[0]
            magnitudes, mask = self._magnitudes_of(enrolment, enrolment_lengths)
            vector = self.embedding_of(enrolment, enrolment_lengths, embedding) if self.embedding_dim else None
        taps = self.taps(spectrum, magnitudes, mask, vector)
        with torch.autocast(mixture.device.type, enabled=False):
            return self.stft.inverse(self.filter(taps.to(mixture.dtype), spectrum), mixture.shape[1]) / gain

    def taps(self, spectrum: Tensor, magnitudes: Tensor | None, mask: Tensor | None, vector: Tensor | None) -> Tensor:
        """Channels of the deep filter.

        Args:
            spectrum: (B, 2, F, T) of the mixture.
            magnitudes: (B, F, T') magnitudes of the enrolment, ``mask`` (B, T') of its real frames.
            vector: (B, D), its embedding.

        Returns:
            (B, channels, F, T).
        """
        cues = self.speaker(magnitudes, mask, vector)
        x, skips = torch.cat((magnitude(spectrum)[:, None], spectrum), dim=1), []
        for level, layer in enumerate(self.encoder):
            x = layer(cues.beside(level, x))
            skips.append(x)
        deepest = cues.multiplied(x.flatten(1, 2).transpose(1, 2))
        x = self.arn(deepest).transpose(1, 2).unflatten(1, x.shape[1:3])
        for layer in self.decoder:
            x = layer(torch.cat((x, skips.pop()), dim=1))
        return x

    def _magnitudes_of(self, enrolment: Tensor | None, lengths: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """(B, M), lengths (B,) or None -> magnitudes (B, F, T) and which frames are real; None without local ones."""
        if not self.uses_local:
            return None, None
        if enrolment is None:
            raise InputError(f"{type(self).__name__}: local features need the enrolment's waveform; give enrolment")
        planes, mask = self.stft(enrolment * self._gain(enrolment, lengths), lengths)
        return magnitude(planes), mask

    def _gain(self, wav: Tensor, lengths: Tensor | None = None) -> Tensor | float:
        """(B, N), lengths (B,) or None -> (B, 1), the gain to the level."""
        return 1.0 if self.level is None else self.level / deviation(wav, lengths)


def _sizes(bins: int, channels: tuple[int, ...]) -> list[int]:
    """Bins of the input and of every convolution's output."""
    sizes = [bins]
    for _ in channels:
        sizes.append((sizes[-1] - 3) // 2 + 1)
    if sizes[-1] < 1 or len(channels) < 2 or min(channels) < 1:
        raise InputError(f"channels {channels}: must be 2 or more numbers from 1, no more than halve {bins} bins")
    return sizes


def _encoder_layer(in_channels: int, out_channels: int) -> nn.Sequential:
    """(B, C, F, T) -> (B, C', (F - 1) // 2, T): three bins by three frames, padded in time only."""
    conv = nn.Conv2d(in_channels, out_channels, 3, stride=(2, 1), padding=(0, 1))
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.PReLU())


def _decoder_layer(in_channels: int, out_channels: int, sizes: list[int], last: bool) -> nn.Sequential:
    """(B, C, F, T) -> (B, C', F', T), ``sizes`` being F' and F; the last layer gives taps of any value."""
    more = (sizes[0] - 2 * sizes[1] - 1, 0)  # what halving dropped
    conv = nn.ConvTranspose2d(in_channels, out_channels, 3, stride=(2, 1), padding=(0, 1), output_padding=more)
    return nn.Sequential(conv, *([] if last else [nn.BatchNorm2d(out_channels), nn.PReLU()]))
