"""GTCRN as an extractor: small, causal, conditioned on an embedding of the enrolled speaker."""

from functools import partial

import torch
from torch import Tensor

from toolkit.models.frame_stream import FrameStream
from toolkit.models.network_stream import NetworkStream
from toolkit.models.se.gtcrn import GTCRN
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.nn.device import device_of
from toolkit.nn.local_global import LocalGlobal


class GTCRNExtractor(SpeakerExtractor):
    """GTCRN (Rong et al. 2024, ICASSP) conditioned as LGR-TSE (He et al. 2023, ICASSP, section 3.1) on an embedding.

    A linear layer maps the embedding to gains on the input of both dual-path RNNs (``LocalGlobal``, global). All else
    is :class:`toolkit.models.se.GTCRN`: causal; an output sample depends on the mixture up to one window later. With
    the default sizes and embeddings of 256 dimensions it has 319.6 k parameters, 48.2 k of them in GTCRN, and the MACs
    of GTCRN. This combination is ours; no paper has it.

    To be silent if the enrolled speaker is absent, train it with ``AbsentTarget`` and ``absent_prob``. It can stream
    (:meth:`toolkit.systems.Extractor.stream`) if its loss depends on the level, as the one in ``AbsentTarget`` must.

    Args:
        speaker_encoder: encoder of enrolments, see :class:`toolkit.models.tse.LGRTSE`.
        embedding_dim: D, if there is no ``speaker_encoder``.
        unit_embedding: scale the embedding to unit length.
        fs, window, hop, low_bins, erb_bands, channels, dilations: see :class:`toolkit.models.se.GTCRN`.

    Raises:
        InputError: a size is not possible (GTCRN), or the speaker encoder is missing, or has another sampling rate, or
            another size than ``embedding_dim``.

    Example::

        extractor = GTCRNExtractor(embedding_dim=256)
        extractor(torch.randn(2, 16000), embedding=torch.randn(2, 256)).shape  # (2, 16000)
    """

    def __init__(
        self,
        speaker_encoder: SpeakerEmbedder | None = None,
        embedding_dim: int | None = None,
        unit_embedding: bool = False,
        fs: int = 16000,
        window: int = 512,
        hop: int = 256,
        low_bins: int = 65,
        erb_bands: int = 64,
        channels: int = 16,
        dilations: tuple[int, ...] = (1, 2, 5),
    ):
        super().__init__()
        self.fs = fs
        self.network = GTCRN(fs, window, hop, low_bins, erb_bands, channels, dilations)
        self.embed_by(speaker_encoder, embedding_dim, reads_enrolment=False)
        self.width = (channels, self.network.bands)
        count = len(self.network.bottleneck) * channels * self.network.bands
        self.speaker = LocalGlobal(None, (), count, self.embedding_dim, "global", unit_embedding=unit_embedding)

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
            enrolment: (B, M) samples; may be None if ``embedding`` is given.
            enrolment_lengths: (B,) number of samples; None: all have M.
            embedding: (B, D) of the enrolment; None: computed by the speaker encoder.

        Returns:
            (B, N) samples.

        Raises:
            InputError: neither an embedding of the right size nor an enrolment for the speaker encoder is given.
        """
        gains = self.gains(enrolment, enrolment_lengths, embedding)
        with torch.autocast(mixture.device.type, enabled=False):  # STFT in full precision
            spectrum, _ = self.network.stft(mixture)
        extracted, _ = self.network.frames(spectrum, gains=gains)
        with torch.autocast(mixture.device.type, enabled=False):
            return self.network.stft.inverse(extracted.to(mixture.dtype), mixture.shape[1])

    def open_stream(
        self, enrolment: Tensor | None, enrolment_lengths: Tensor | None = None, embedding: Tensor | None = None
    ) -> NetworkStream:
        """See SpeakerExtractor; the latency is a window."""
        frames = partial(self.network.frames, gains=self.gains(enrolment, enrolment_lengths, embedding))
        return FrameStream(self.network.stft, frames, device_of(self))

    def gains(
        self, enrolment: Tensor | None, lengths: Tensor | None = None, embedding: Tensor | None = None
    ) -> list[Tensor]:
        """The enrolled speaker, see :meth:`forward` -> (B, C, bands, 1) for each dual-path RNN."""
        return self.by_layer(self.speaker(None, None, self.embedding_of(enrolment, lengths, embedding)).gain)

    def by_layer(self, gain: Tensor) -> list[Tensor]:
        """Gains (B, 2 C bands) -> (B, C, bands, 1) for each dual-path RNN."""
        return [part.unflatten(1, self.width)[..., None] for part in gain.chunk(len(self.network.bottleneck), 1)]
