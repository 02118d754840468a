"""What an enhancer of speaker embeddings promises, so that the task, the recipes and scoring work with it."""

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
    """From the speaker embedding of a noisy utterance to that of a clean one.

    A class of your own plugs in by its import path; its constructor's arguments are the keys of ``init_args``, so give
    them types and defaults. It sets ``dim`` in its constructor, and writes ``training_outputs`` and ``forward``. The
    promise which scoring relies on: in eval mode an embedding is enhanced in a batch as it is alone.

    Attributes:
        dim: D, numbers of an embedding that is given.
        keeps_space: can an enhanced embedding be compared with an unenhanced one?
        draws_noise: is ``noise`` of :meth:`forward` read?
        streams: of a training item: ``clean`` (D,) and ``variants`` (V, D), embeddings of the same speech under V
            kinds of distortion; with :meth:`extract_by` audio, ``clean`` (N,) and ``variants`` (V, N).
        output_dims, output_classes: see TrainingFacts; size of each vector among the training outputs.
    """

    dim: int
    keeps_space: bool = True
    draws_noise: bool = False
    streams: tuple[str, ...] = ("clean", "variants")
    output_classes: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    def __init__(self) -> None:
        super().__init__()
        self._extractor: FrozenModule | None = None  # an attribute of the class would hide the module

    @property
    def output_dim(self) -> int:
        """E, numbers of an enhanced embedding: D, unless a network overrides it."""
        return self.dim

    @property
    def output_dims(self) -> dict[str, int]:
        """That of the enhanced embeddings."""
        return {"embedding": self.output_dim}

    @property
    def extractor(self) -> SpeakerEmbedder | None:
        """What makes embeddings of the audio that training reads; None where it reads embeddings."""
        return None if self._extractor is None else cast(SpeakerEmbedder, self._extractor.network)

    @property
    def fs(self) -> int:  # type: ignore[override]  # that of the extractor
        """Rate in Hz of the audio that training reads; 16000 where it reads embeddings, which have none."""
        return self.extractor.fs if self.extractor else 16000

    def extract_by(self, extractor: SpeakerEmbedder | None) -> None:
        """Train on audio from now on, whose embeddings this network makes; None: on embeddings.

        Raises:
            InputError: its embeddings are of another size.
        """
        if extractor is not None and extractor.model.embedding_dim != self.dim:
            raise InputError(
                f"model.init_args.dim {self.dim}: extractor {type(extractor.model).__name__} gives embeddings of "
                f"{extractor.model.embedding_dim} numbers; set dim to that"
            )
        self._extractor = None if extractor is None else FrozenModule(extractor)

    def start_at(self, timestep: int) -> None:
        """Enhance from another timestep of the diffusion on; InputError where a network has none, or not this one."""
        raise InputError(f"{type(self).__name__}: has no timesteps; these are of diffusion models, such as SEED")

    def pairs(self, batch: Mapping) -> Tensor:
        """The embeddings of a batch (B, 1 + V, D): of the clean speech, then of its V variants."""
        rows = torch.cat([batch["clean"][:, None], batch["variants"]], 1)
        if self._extractor is not None:
            with torch.no_grad():
                rows = self._extractor(rows.flatten(0, 1)).unflatten(0, rows.shape[:2])
        return rows.float()

    @abstractmethod
    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """What the loss reads of a batch.

        Returns:
            ``embedding``, enhanced ones of :meth:`pairs`: (B, 1 + V, E) of all, or (B, E) of one each; ``target``
            (B, D), where those of all are to be like the clean one (EmbeddingReconstruction); what a loss of the
            network's own reads besides.
        """

    @abstractmethod
    def forward(self, embedding: Tensor, noise: Tensor | None = None) -> Tensor:
        """Enhance a batch.

        Args:
            embedding: (B, D), as the extractor gives it.
            noise: (B, D) standard normal, for networks with ``draws_noise``.

        Returns:
            (B, E) enhanced embeddings, not normalised in length.
        """
