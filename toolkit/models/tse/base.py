"""What a speaker extractor promises, so that every recipe, loss and metric works with it."""

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from toolkit.io.errors import InputError
from toolkit.models.network import Network
from toolkit.models.sv.embedder import SpeakerEmbedder

if TYPE_CHECKING:
    from typing_extensions import Self

CONDITIONS = {"enrolment": "enroll_spk1", "embedding": "embedding"}  # argument of forward -> stream of a batch


class SpeakerExtractor(Network):
    """From a mixture and an enrolment of one speaker to the speech of that speaker in it.

    A class of your own plugs in by its import path; its constructor's arguments are the keys of ``init_args``, so give
    them types and defaults::

        model:
          class_path: my_package.my_module.MyExtractor
          init_args: {fs: 8000, channels: 64}

    It sets ``fs`` (Hz, of mixture, enrolment and output) in its constructor and writes ``forward``. The promises which
    training, inference and scoring rely on: any N >= 1 and M >= 1 go in, the same N comes out; with
    ``enrolment_lengths``, in eval mode, an enrolment padded at its end gives what it gives alone; silence in gives
    finite numbers and finite gradients out.

    A network that needs a speaker embedding takes a trained encoder by ``embed_by``, frozen, in its constructor. Then
    waveforms are enough; a batch that holds ``embedding`` (``data.init_args.embeddings``: of whole enrolments, computed
    once) spares the encoder's work.

    A speaker may come with several enrolments, (B, K, M). A class with ``several_enrolments`` takes them so, with
    lengths (B, K), for any K >= 1. To every other they come joined end to end, in their order, as one of (B, M).

    Attributes:
        fs: rate in Hz.
        conditioning: what of the speaker it is given: ``enrolment``, a waveform; ``embedding``, a vector of a speaker
            encoder (``data.init_args.embeddings`` of a training); or both.
        several_enrolments: does ``forward`` take enrolments (B, K, M)?
        trained_embedder: makes ``embedding`` of an enrolment; its weights are part of the network's. May be None.
        embedding_dim: D of ``embedding``; 0 where none is read.
        output_dims: size of each vector among the training outputs.
        output_classes: the classes of the logits among them.
    """

    fs: int
    conditioning: tuple[str, ...] = ("enrolment",)
    several_enrolments: bool = False
    output_dims: Mapping[str, int] = MappingProxyType({})
    output_classes: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    embedding_dim: int = 0

    def __init__(self) -> None:
        super().__init__()
        self.trained_embedder: SpeakerEmbedder | None = None

    def embed_by(self, encoder: SpeakerEmbedder | None, dim: int | None = None, reads_enrolment: bool = True) -> int:
        """Condition the network on an embedding; the constructor calls it once it has set ``fs``.

        Args:
            encoder: is changed: frozen, in eval mode from now on. None: every batch must hold ``embedding``.
            dim: D; None: that of ``encoder``.
            reads_enrolment: the network reads the enrolment itself too.

        Returns:
            D.

        Raises:
            InputError: the encoder is for another rate or of another size than ``dim``, or neither is given.
        """
        if encoder is None and dim is None:
            raise InputError(
                "model.init_args.speaker_encoder: is missing; give a trained one (class_path: TrainedEmbedder), or set "
                "embedding_dim to the size of those in data.init_args.embeddings"
            )
        if encoder is not None:
            name, size = type(encoder.model).__name__, encoder.model.embedding_dim
            if encoder.fs != self.fs:
                raise InputError(
                    f"model.init_args.speaker_encoder: {name} is for {encoder.fs} Hz, the extractor for {self.fs} Hz; "
                    "give an encoder of that rate, or set model.init_args.fs"
                )
            if dim not in (None, size):
                raise InputError(
                    f"model.init_args.embedding_dim {dim}: speaker_encoder {name} gives embeddings of {size} numbers; "
                    "set embedding_dim to that, or leave it out"
                )
            dim = size
            self.trained_embedder = encoder.eval().requires_grad_(False)
        reads = encoder is not None or reads_enrolment
        self.conditioning = ("enrolment",) * reads + ("embedding",) * (encoder is None)
        self.embedding_dim = int(dim or 0)
        return self.embedding_dim

    def embedding_of(
        self, enrolment: Tensor | None, lengths: Tensor | None = None, embedding: Tensor | None = None
    ) -> Tensor:
        """The embedding (B, D) that is given, else that of enrolments (B, M) with lengths (B,), by the encoder.

        Raises:
            InputError: the one that is given has another size; or there is neither it nor an encoder.
        """
        if embedding is not None:
            if embedding.shape[-1] != self.embedding_dim:
                raise InputError(
                    f"data.init_args.embeddings: embeddings have {embedding.shape[-1]} numbers, the model takes "
                    f"{self.embedding_dim}; embed the enrolments with the encoder that it is for"
                )
            return embedding
        if self.trained_embedder is None or enrolment is None:
            raise InputError(
                f"{type(self).__name__}: needs an embedding of the enrolment; set model.init_args.speaker_encoder, so "
                "that it makes them itself"
            )
        with torch.autocast(enrolment.device.type, enabled=False):  # as those that were computed before
            return self.trained_embedder(enrolment, lengths)

    def train(self, mode: bool = True) -> "Self":
        """As in torch; the speaker encoder stays in eval mode."""
        super().train(mode)
        if self.trained_embedder is not None:
            self.trained_embedder.eval()
        return self

    @property
    def streams(self) -> tuple[str, ...]:
        """Of a training item."""
        return ("wav", *(CONDITIONS[name] for name in self.conditioning))

    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """The outputs for the loss of a batch: ``speech`` (B, N), and further ones of a model.

        Args:
            batch: ``wav`` (B, N); by ``conditioning``: ``enroll_spk1`` (B, M) and ``enroll_spk1_lengths`` (B,)|None,
                or (B, K, M) and (B, K)|None; ``embedding`` (B, D), with a speaker encoder only where there is one.
        """
        return {"speech": self(batch["wav"], **self.conditions(batch))}

    def conditions(self, batch: Mapping) -> dict[str, Tensor | None]:
        """The arguments of ``forward`` behind the mixture, of a batch."""
        inputs = {name: batch[CONDITIONS[name]] for name in self.conditioning}
        if "enrolment" in inputs:
            enrolled = self.fit_enrolments(inputs["enrolment"], batch.get("enroll_spk1_lengths"))
            inputs["enrolment"], inputs["enrolment_lengths"] = enrolled
        if self.trained_embedder is not None and CONDITIONS["embedding"] in batch:
            inputs["embedding"] = batch[CONDITIONS["embedding"]]
        return inputs

    def fit_enrolments(self, enrolment: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """One or several enrolments of each speaker in the form that ``forward`` takes.

        Args:
            enrolment: (B, M) or (B, K, M) samples.
            lengths: (B,) or (B, K) samples; None: all have M.

        Returns:
            (B, K, M) with lengths (B, K)|None for a class with ``several_enrolments``; else (B, M) with (B,)|None.
        """
        if self.several_enrolments and enrolment.dim() == 2:
            return enrolment[:, None], None if lengths is None else lengths[:, None]
        if self.several_enrolments or enrolment.dim() == 2:
            return enrolment, lengths
        if lengths is None:
            return enrolment.flatten(1), None
        joined = [torch.cat([x[:n] for x, n in zip(*row, strict=True)]) for row in zip(enrolment, lengths, strict=True)]
        return pad_sequence(joined, batch_first=True), lengths.sum(1)

    @abstractmethod
    def forward(self, mixture: Tensor, *conditions: Any, **named_conditions: Any) -> Tensor:
        """Extract the enrolled speaker. Behind the mixture a model names the arguments of its ``conditioning``.

        Args:
            mixture: (B, N) samples in [-1, 1), all of them valid.
            enrolment: (B, M) samples of the target speaker, padded at the end with anything finite; (B, K, M) with
                ``several_enrolments``.
            enrolment_lengths: (B,) int64 samples of each enrolment, 1 to M; None: all have M; (B, K) likewise.
            embedding: (B, D) of the target speaker.

        Returns:
            (B, N) samples.
        """
