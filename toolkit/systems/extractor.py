"""Target speaker extraction by a trained network."""

import inspect
from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from torch import Tensor

from toolkit.data.collate import pad
from toolkit.io.config import ConfigParser
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.models.tse.sef_pnet import SEFPNet
from toolkit.systems.audio_stream import in_pieces
from toolkit.systems.base import System
from toolkit.systems.inference.extractor_base import CHUNK_SECONDS, ExtractorBase
from toolkit.systems.torch_pieces import TorchPieces
from toolkit.train.experiment import default


class Extractor(System, ExtractorBase):
    """Mixture and enrolment of one speaker -> speech of that speaker.

    Example::

        extractor = Extractor.load("exp/tse_train_sefpnet")
        speech = extractor.extract("crowd.wav", "speaker_alone.wav")  # same rate and length as crowd.wav
        speech = extractor.extract(mixture, enrolment, fs=8000)
        speech = extractor.extract("crowd.wav", ["speaker_alone.wav", "speaker_again.wav"])
    """

    task = "tse"
    network_type = SpeakerExtractor
    network: SpeakerExtractor

    @classmethod
    def add_network_arguments(cls, parser: ConfigParser) -> None:
        """Add the config key of the network."""
        parser.add_argument("--model", type=SpeakerExtractor, default=default(SEFPNet), help="mixture to signal")

    @property
    def block_seconds(self) -> float | None:
        """See ExtractorBase: a causal network reads any length, piece by piece."""
        return None if self._causal else super().block_seconds

    @property
    def _causal(self) -> bool:
        return type(self.network).open_stream is not SpeakerExtractor.open_stream

    def conditioned(self, voices: list[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """Enrolments (M_k,) float32 at ``fs`` -> function of mixtures (N,) that gives the speech (N,)."""
        with self.inferring():
            enrolled = self._batch(voices)

        def extracted(wav: np.ndarray) -> np.ndarray:
            if self._causal and len(wav) > CHUNK_SECONDS * self.fs:
                return in_pieces(self.pieces(voices), wav, CHUNK_SECONDS, self.fs)
            with self.inferring() as network:
                return network(torch.from_numpy(wav)[None].to(self.device), *enrolled)[0].float().cpu().numpy()

        return extracted

    def pieces(self, voices: list[np.ndarray]) -> TorchPieces:
        """See ExtractorBase."""
        self.network.eval()
        with self.inferring():
            return TorchPieces(self.network.open_stream(*self._batch(voices)))

    def _batch(self, voices: list[np.ndarray]) -> tuple[Tensor, Tensor | None]:
        """Enrolments (M_k,) -> the form that the network accepts, with lengths."""
        padded, lengths = pad(voices)
        batch = padded[None].to(self.device), None if lengths is None else lengths[None].to(self.device)
        return self.network.fit_enrolments(*batch)

    def example(self, seconds: float) -> tuple[Tensor, ...]:
        """A mixture, and in the order of ``forward`` an enrolment of the same length and an embedding."""
        (wav,) = super().example(seconds)
        given = {"enrolment": self.network.fit_enrolments(wav)[0]}
        given["embedding"] = torch.ones(1, self.network.embedding_dim, device=self.device)
        names = list(inspect.signature(self.network.forward).parameters)[1:]
        conditions = [given[name] if name in self.network.conditioning else None for name in names]
        while conditions and conditions[-1] is None:
            conditions.pop()
        return cast("tuple[Tensor, ...]", (wav, *conditions))
