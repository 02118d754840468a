"""VoiceFilter: a magnitude mask from convolutions, a BLSTM and the embedding of the enrolled speaker."""

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

from toolkit.features.complex_stft import magnitude
from toolkit.io.errors import InputError
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.tse.spectral import Enrolment, SpectralExtractor
from toolkit.nn.frequency_unet import FrequencyEncoder
from toolkit.nn.local_global import LocalGlobal


class VoiceFilter(SpectralExtractor):
    """VoiceFilter (Wang, Muckenhirn et al. 2019, arXiv 1810.04826, table 1), not causal, as in tables 2 and 3 of LGR.

    Input: magnitudes of the mixture. A convolution over 7 bins, one over 7 frames, five of 5 x 5 with dilation in time,
    a 1x1 convolution to few channels, each with batch normalisation and ReLU; concatenation of the embedding to every
    frame; a BLSTM; two linear layers to a mask in [0, 1] on the mixture, which keeps its phase.

    ``representation: global`` is VoiceFilter. With ``lgr``, a second stack of the first seven convolutions reads the
    enrolment, and its features are concatenated to the input of every convolution
    (:class:`toolkit.nn.local_global.LocalGlobal`). With embeddings of 256 dimensions 7,347,561 and 8,442,314
    parameters, without the speaker encoder, which is that of :class:`LGRTSE`. In a config::

        model:
          class_path: VoiceFilter
          init_args:
            representation: global    # lgr: with local features
            speaker_encoder: {class_path: TrainedEmbedder, init_args: {system: ../sv/exp/sv_x}}

    Args:
        speaker_encoder, embedding_dim, fs, representation, window, hop, local_in, local_hidden, unit_embedding,
            dropout, level: see :class:`LGRTSE`; ``dropout`` is in the ARN of the local network.
        channels: channels of the convolutions, except the last.
        dilations: dilations of the 5 x 5 convolutions in frames.
        reduced: channels of the 1x1 convolution.
        lstm: cells of each direction of the BLSTM.
        hidden: size of the first linear layer.

    Raises:
        InputError: as in :class:`LGRTSE`; or a size is below 1.

    Example::

        VoiceFilter(embedding_dim=256)(torch.randn(2, 16000), embedding=torch.randn(2, 256)).shape  # (2, 16000)
    """

    def __init__(
        self,
        speaker_encoder: SpeakerEmbedder | None = None,
        embedding_dim: int | None = None,
        fs: int = 16000,
        representation: str = "global",
        window: int = 320,
        hop: int = 160,
        channels: int = 64,
        dilations: tuple[int, ...] = (1, 2, 4, 8, 16),
        reduced: int = 8,
        lstm: int = 400,
        hidden: int = 600,
        local_in: int = 2,
        local_hidden: int = 32,
        unit_embedding: bool = False,
        dropout: float = 0.05,
        level: float | None = None,
    ):
        super().__init__(speaker_encoder, embedding_dim, fs, representation, window, hop, level)
        if min(channels, reduced, lstm, hidden, *dilations) < 1:
            raise InputError(
                f"channels {channels}, dilations {dilations}, reduced {reduced}, lstm {lstm}, hidden {hidden}: must be "
                "1 or more"
            )
        shapes = [((7, 1), 1), ((1, 7), 1), *(((5, 5), dilation) for dilation in dilations)]
        widths, bottleneck = (channels,) * len(shapes), reduced * self.stft.bins
        local = _layers((local_in, *widths[1:]), widths, shapes)
        options = (representation, local_in, local_hidden, unit_embedding, dropout, "concatenate")
        self.speaker = LocalGlobal(local, widths, bottleneck, self.embedding_dim, *options)
        inputs = [sum(pair) for pair in itertools.zip_longest((1, *widths), self.speaker.added, fillvalue=0)]
        self.encoder = FrequencyEncoder(_layers(inputs, (*widths, reduced), (*shapes, ((1, 1), 1))))
        self.rnn = nn.LSTM(bottleneck + self.speaker.widened, lstm, batch_first=True, bidirectional=True)
        self.out = nn.Sequential(nn.Linear(2 * lstm, hidden), nn.ReLU(), nn.Linear(hidden, self.stft.bins))

    def estimate(self, spectrum: Tensor, enrolment: Enrolment) -> Tensor:
        """Spectrogram of the mixture (B, 2, F, T) -> mask (B, 1, F, T)."""
        cues = self.speaker(*enrolment)
        deepest = self.encoder(magnitude(spectrum)[:, None], cues)[-1]
        frames = self.rnn(cues.fused(deepest.flatten(1, 2).transpose(1, 2)))[0]
        return self.out(frames).sigmoid().transpose(1, 2)[:, None]

    def applied(self, estimate: Tensor, spectrum: Tensor) -> Tensor:
        """Mask (B, 1, F, T) and spectrogram (B, 2, F, T) -> (B, 2, F, T)."""
        return estimate * spectrum


def _layers(inputs: Sequence[int], outputs: Sequence[int], shapes: Sequence[tuple]) -> list[nn.Sequential]:
    """Each (B, C, F, T) -> (B, C', F, T), of ``shapes``: kernel, bins by frames, and dilation in time."""
    layers = []
    for before, after, ((bins, frames), dilation) in zip(inputs, outputs, shapes, strict=True):
        padding = (bins // 2, frames // 2 * dilation)
        convolution = nn.Conv2d(before, after, (bins, frames), padding=padding, dilation=(1, dilation))
        layers.append(nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU()))
    return layers
