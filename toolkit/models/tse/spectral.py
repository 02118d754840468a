"""The base class of extractors on spectrograms, conditioned on local features or an embedding of the enrolment."""

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from toolkit.features.complex_stft import ComplexSTFT, magnitude
from toolkit.io.errors import InputError
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.models.tse.dpccn import deviation
from toolkit.nn.local_global import check_kind


class Enrolment(NamedTuple):
    """Inputs for the enrolled speaker: the arguments of :class:`toolkit.nn.local_global.LocalGlobal`.

    Attributes:
        magnitude: (B, F, T) magnitudes of the enrolment; None without local features.
        mask: (B, T) mask of valid frames; None: all valid.
        embedding: (B, D); None without a global representation.
    """

    magnitude: Tensor | None
    mask: Tensor | None
    embedding: Tensor | None


class SpectralExtractor(SpeakerExtractor):
    """STFT and inverse STFT around the network of a subclass, which implements ``estimate`` and ``applied``.

    Arguments and errors are those of :class:`LGRTSE`. A subclass uses :class:`toolkit.nn.local_global.LocalGlobal`,
    with :attr:`embedding_dim`, for local features and the embedding.
    """

    def __init__(
        self,
        speaker_encoder: SpeakerEmbedder | None,
        embedding_dim: int | None,
        fs: int,
        representation: str,
        window: int,
        hop: int,
        level: float | None,
    ):
        super().__init__()
        check_kind(representation)
        if level is not None and not level > 0:
            raise InputError(f"level {level:g}: must be above 0, or null")
        self.fs, self.level, self.uses_local = fs, level, representation != "global"
        if representation != "local":
            self.embed_by(speaker_encoder, embedding_dim, self.uses_local)
        self.stft = ComplexSTFT(window, hop, "hann")

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
            enrolment: (B, M) samples; may be None without local features if ``embedding`` is given.
            enrolment_lengths: (B,) number of samples; None: all have M.
            embedding: (B, D) of the enrolment; None: computed by the speaker encoder.

        Returns:
            (B, N) samples.

        Raises:
            InputError: a shape is wrong, or an input that the representation needs is missing.
        """
        shapes = {"mixture (B, N)": mixture, "enrolment (B, M)": enrolment, "embedding (B, D)": embedding}
        for name, x in shapes.items():
            if x is not None and (x.dim() != 2 or len(x) != len(mixture)):
                raise InputError(
                    f"{type(self).__name__}: {name}: got the shape {tuple(x.shape)}; for a single item use x[None]"
                )
        with torch.autocast(mixture.device.type, enabled=False):  # STFT in full precision
            gain = self._gain(mixture)
            spectrum = self.stft(mixture * gain)[0]
            magnitudes, mask = self._magnitudes_of(enrolment, enrolment_lengths)
            vector = self.embedding_of(enrolment, enrolment_lengths, embedding) if self.embedding_dim else None
        estimate = self.estimate(spectrum, Enrolment(magnitudes, mask, vector))
        with torch.autocast(mixture.device.type, enabled=False):
            return self.stft.inverse(self.applied(estimate.to(mixture.dtype), spectrum), mixture.shape[1]) / gain

    @abstractmethod
    def estimate(self, spectrum: Tensor, enrolment: Enrolment) -> Tensor:
        """Spectrogram of the mixture (B, 2, F, T) -> output of the network (B, C, F, T), for example a mask."""

    @abstractmethod
    def applied(self, estimate: Tensor, spectrum: Tensor) -> Tensor:
        """Estimate (B, C, F, T) and spectrogram of the mixture (B, 2, F, T) -> that of the speaker (B, 2, F, T)."""

    def _magnitudes_of(self, enrolment: Tensor | None, lengths: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """(B, M), lengths (B,) or None -> magnitudes (B, F, T) and mask of valid frames; or None, None."""
        if not self.uses_local:
            return None, None
        if enrolment is None:
            raise InputError(
                f"{type(self).__name__}: local features need the waveform of the enrolment; give enrolment"
            )
        planes, mask = self.stft(enrolment * self._gain(enrolment, lengths), lengths)
        return magnitude(planes), mask

    def _gain(self, wav: Tensor, lengths: Tensor | None = None) -> Tensor | float:
        """(B, N), lengths (B,) or None -> (B, 1), the gain to the level."""
        return 1.0 if self.level is None else self.level / deviation(wav, lengths)
