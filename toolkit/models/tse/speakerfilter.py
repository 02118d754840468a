"""Speakerfilter: a gated convolutional recurrent network with local features of the enrolment."""

from torch import Tensor, nn

from toolkit.features.complex_stft import magnitude
from toolkit.io.errors import InputError
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.tse.spectral import Enrolment, SpectralExtractor
from toolkit.nn.deep_filter import DeepFilter
from toolkit.nn.frame_gru import FrameGRU
from toolkit.nn.frequency_unet import FrequencyDecoder, FrequencyEncoder, doubling, halved_bins, halving, through
from toolkit.nn.gated import Gated
from toolkit.nn.local_global import LocalGlobal


class Speakerfilter(SpectralExtractor):
    """Speakerfilter (He, Li and Zhang 2020, ICASSP, pp. 376-380), as in tables 2 and 3 of LGR.

    Input: magnitudes of the mixture. Gated convolutions that halve frequency, ELU(BN(conv)) sigma(BN(conv)); a BLSTM
    with two layers over time; gated transposed convolutions with skip connections; a deep filter over 5 frames and 3
    bins. A BGRU over the frames of the enrolment computes a vector of F numbers, which is concatenated to the
    magnitudes of every frame; gated convolutions on the enrolment compute such features for every level
    (:class:`toolkit.nn.local_global.LocalGlobal`).

    ``representation: local`` is Speakerfilter. With ``lgr``, an embedding also multiplies the BLSTM input, as in
    LGR-TSE. ``global`` is refused, because without the network on the enrolment it is another system. 16,676,797
    parameters, and 16,939,965 with embeddings of 256 dimensions, without the speaker encoder, which is that of
    :class:`LGRTSE`. In a config::

        model: {class_path: Speakerfilter, init_args: {representation: local}}
        model:
          class_path: Speakerfilter
          init_args:
            representation: lgr
            speaker_encoder: {class_path: TrainedEmbedder, init_args: {system: ../sv/exp/sv_x}}

    The sizes of the paper are for another spectrogram. Levels and kernels here are those of LGR-TSE's table 1; the size
    of the BGRU is an argument. The linear layer after the mean of the BGRU output is here before the mean, which is
    equivalent.

    Args:
        speaker_encoder, embedding_dim, fs, representation, window, hop, channels, filter_frames, filter_bins,
            unit_embedding, level: see :class:`LGRTSE`.
        lstm_layers: number of BLSTM layers.
        local_in: 2: the convolutions of the local network read magnitudes and BGRU output; 1: only the BGRU output.
        local_hidden: cells of each direction of the BGRU.
        taps: ``gated``, as in the authors' program, or ``linear``.

    Raises:
        InputError: as in :class:`LGRTSE`; ``representation`` is ``global``; a size is below 1; or the BLSTM input size
            is odd.

    Example::

        Speakerfilter()(torch.randn(2, 16000), torch.randn(2, 32000)).shape  # (2, 16000)
    """

    def __init__(
        self,
        speaker_encoder: SpeakerEmbedder | None = None,
        embedding_dim: int | None = None,
        fs: int = 16000,
        representation: str = "local",
        window: int = 320,
        hop: int = 160,
        channels: tuple[int, ...] = (16, 32, 64, 128, 256),
        lstm_layers: int = 2,
        local_in: int = 2,
        local_hidden: int = 256,
        taps: str = "gated",
        filter_frames: int = 2,
        filter_bins: int = 1,
        unit_embedding: bool = False,
        level: float | None = None,
    ):
        if representation == "global":
            raise InputError("representation 'global': Speakerfilter must have local features; set local or lgr")
        super().__init__(speaker_encoder, embedding_dim, fs, representation, window, hop, level)
        if min(lstm_layers, local_hidden) < 1:
            raise InputError(f"lstm_layers {lstm_layers}, local_hidden {local_hidden}: must be 1 or more")
        bins = halved_bins(self.stft.bins, channels)
        local = FrequencyEncoder.of(_encoder_layer, local_in, channels[:-1])
        bottleneck = channels[-1] * bins[-1]
        if bottleneck % 2:
            raise InputError(f"channels {channels}: the BLSTM input has {bottleneck} dimensions, must be even")
        anchor = FrameGRU(self.stft.bins, local_hidden)
        inputs = (local, channels[:-1], bottleneck, self.embedding_dim, representation, local_in)
        self.speaker = LocalGlobal(*inputs, unit_embedding=unit_embedding, anchor=anchor)
        self.filter = DeepFilter(filter_frames, filter_bins, taps)
        self.encoder = FrequencyEncoder.of(_encoder_layer, 1, channels, self.speaker.added)
        self.decoder = FrequencyDecoder(_decoder_layer, self.filter.channels, channels, bins)
        self.rnn = nn.LSTM(bottleneck, bottleneck // 2, lstm_layers, batch_first=True, bidirectional=True)

    def estimate(self, spectrum: Tensor, enrolment: Enrolment) -> Tensor:
        """Spectrogram of the mixture (B, 2, F, T) -> channels of the deep filter (B, channels, F, T)."""
        cues = self.speaker(*enrolment)
        maps = self.encoder(magnitude(spectrum)[:, None], cues)
        return self.decoder(through(lambda x: self.rnn(x)[0], maps[-1], cues), maps)

    def applied(self, estimate: Tensor, spectrum: Tensor) -> Tensor:
        """Channels of the filter and the spectrogram (B, 2, F, T) -> filtered (B, 2, F, T)."""
        return self.filter(estimate, spectrum)


def _encoder_layer(in_channels: int, out_channels: int) -> Gated:
    """(B, C, F, T) -> (B, C', (F - 1) // 2, T)."""
    return _gated(*(halving(in_channels, out_channels) for _ in range(2)))


def _decoder_layer(in_channels: int, out_channels: int, bins: int, last: bool) -> nn.Module:
    """(B, C, (F - 1) // 2, T) -> (B, C', F, T); the last layer is only the convolution."""
    if last:
        return doubling(in_channels, out_channels, bins)
    return _gated(*(doubling(in_channels, out_channels, bins) for _ in range(2)))


def _gated(value: nn.Conv2d | nn.ConvTranspose2d, gate: nn.Conv2d | nn.ConvTranspose2d) -> Gated:
    """ELU(BN(value)) sigma(BN(gate))."""
    norms = (nn.BatchNorm2d(layer.out_channels) for layer in (value, gate))
    return Gated(nn.Sequential(value, next(norms), nn.ELU()), nn.Sequential(gate, next(norms)))
