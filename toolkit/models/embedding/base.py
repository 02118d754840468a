"""The base class of networks that enhance speaker embeddings."""

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

import torch
from torch import Tensor

from toolkit.io.errors import InputError
from toolkit.models.network import Network
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.nn.frozen import FrozenModule


class EmbeddingRestorer(Network):
    """Speaker embedding of a noisy utterance -> that of a clean one.

    To use your own class, give its import path in the config; the constructor arguments are the keys of ``init_args``,
    so they need types and defaults. Set ``dim`` in the constructor, and implement ``training_outputs`` and ``forward``.
    Scoring requires: in eval mode the output for an embedding does not depend on the batch.

    Attributes:
        dim: D, size of the input embedding.
        keeps_space: whether enhanced embeddings can be compared with unenhanced ones.
        draws_noise: whether :meth:`forward` uses ``noise``.
        streams: streams of a training item: ``clean`` (D,) and ``variants`` (V, D), embeddings of the same speech with
            V distortions. After :meth:`extract_by`, audio: ``clean`` (N,) and ``variants`` (V, N).
        output_dims, output_classes: sizes of vectors and classes of logits among the training outputs, see
            TrainingFacts.
    """

    dim: int
    keeps_space: bool = True
    draws_noise: bool = False
    streams: tuple[str, ...] = ("clean", "variants")
    output_classes: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def __init__(self) -> None:
        super().__init__()
        self._extractor: FrozenModule | None = None  # a class attribute would hide the module

    @property
    def output_dim(self) -> int:
        """E, size of an enhanced embedding: D, unless a subclass overrides it."""
        return self.dim

    @property
    def output_dims(self) -> dict[str, int]:
        """Size of the enhanced embeddings."""
        return {"embedding": self.output_dim}

    @property
    def extractor(self) -> SpeakerEmbedder | None:
        """The extractor of embeddings from training audio; None if training reads embeddings."""
        return None if self._extractor is None else cast(SpeakerEmbedder, self._extractor.network)

    @property
    def fs(self) -> int:  # type: ignore[override]  # the rate of the extractor
        """Sampling rate in Hz of the training audio; 16000 if training reads embeddings."""
        return self.extractor.fs if self.extractor else 16000

    def extract_by(self, extractor: SpeakerEmbedder | None) -> None:
        """Train on audio, with embeddings computed by ``extractor``; None: train on embeddings.

        Raises:
            InputError: the extractor has another embedding size.
        """
        if extractor is not None and extractor.model.embedding_dim != self.dim:
            raise InputError(
                f"model.init_args.dim {self.dim}: must be {extractor.model.embedding_dim}, the embedding size of the "
                f"extractor {type(extractor.model).__name__}"
            )
        self._extractor = None if extractor is None else FrozenModule(extractor)

    def start_at(self, timestep: int) -> None:
        """Set the diffusion timestep of enhancement. Raises InputError if the network does not have it."""
        raise InputError(f"{type(self).__name__}: has no timesteps; use a diffusion model such as SEED")

    def pairs(self, batch: Mapping) -> Tensor:
        """The embeddings of a batch (B, 1 + V, D): the clean speech, then its V variants."""
        rows = torch.cat([batch["clean"][:, None], batch["variants"]], 1)
        if self._extractor is not None:
            with torch.no_grad():
                rows = self._extractor(rows.flatten(0, 1)).unflatten(0, rows.shape[:2])
        return rows.float()

    @abstractmethod
    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """Outputs for the loss.

        Returns:
            ``embedding``, enhanced embeddings of :meth:`pairs`: (B, 1 + V, E), or (B, E) for one per utterance;
            ``target`` (B, D), the clean embeddings, for EmbeddingReconstruction; further outputs for a loss of this
            network.
        """

    @abstractmethod
    def forward(self, embedding: Tensor, noise: Tensor | None = None) -> Tensor:
        """Enhance a batch.

        Args:
            embedding: (B, D), output of the extractor.
            noise: (B, D) standard normal, for networks with ``draws_noise``.

        Returns:
            (B, E) enhanced embeddings, without length normalisation.
        """
