"""The base class of target speaker extraction networks."""

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from toolkit.io.errors import InputError
from toolkit.models.network import Network
from toolkit.models.network_stream import NetworkStream
from toolkit.models.sv.embedder import SpeakerEmbedder

if TYPE_CHECKING:
    from typing_extensions import Self

CONDITIONS = {"enrolment": "enroll_spk1", "embedding": "embedding"}  # argument of forward -> stream of a batch


class SpeakerExtractor(Network):
    """Mixture and enrolment of one speaker -> speech of that speaker in the mixture.

    To use your own class, give its import path in the config; the constructor arguments are the keys of ``init_args``,
    so they need types and defaults::

        model:
          class_path: my_package.my_module.MyExtractor
          init_args: {fs: 8000, channels: 64}

    Set ``fs`` (sampling rate of mixture, enrolment and output in Hz) in the constructor and implement ``forward``.
    Training, inference and scoring require: any N >= 1 and M >= 1, with N output samples; with ``enrolment_lengths``,
    in eval mode, padding of an enrolment does not change the output; finite output and gradient for silence.

    A network that needs a speaker embedding calls ``embed_by`` with a trained encoder, which is then frozen, in its
    constructor. Then waveforms are sufficient. A batch with ``embedding`` (``data.init_args.embeddings``: computed once
    from whole enrolments) saves the computation of the encoder.

    A speaker may have several enrolments, (B, K, M). A class with ``several_enrolments`` reads them in this form, with
    lengths (B, K), for any K >= 1. Other classes get them concatenated in order, as (B, M).

    Attributes:
        fs: sampling rate in Hz.
        conditioning: inputs for the speaker: ``enrolment``, a waveform; ``embedding``, a vector of a speaker encoder
            (``data.init_args.embeddings`` of a training); or both.
        several_enrolments: whether ``forward`` accepts enrolments (B, K, M).
        trained_embedder: encoder for ``embedding``, with weights that are part of the network; may be None.
        embedding_dim: D, size of ``embedding``; 0 if it is not used.
        output_dims: size of each vector among the training outputs.
        output_classes: classes of each logits among the training outputs.
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
        """Condition the network on an embedding. The constructor calls this after it has set ``fs``.

        Args:
            encoder: speaker encoder; this method freezes it in eval mode. None: every batch must have ``embedding``.
            dim: D; None: that of ``encoder``.
            reads_enrolment: whether the network also reads the enrolment itself.

        Returns:
            D.

        Raises:
            InputError: the encoder has another sampling rate, or another size than ``dim``, or both are None.
        """
        if encoder is None and dim is None:
            raise InputError(
                "model.init_args.speaker_encoder: is missing; set a trained one (class_path: TrainedEmbedder), or set "
                "embedding_dim to the size of the embeddings in data.init_args.embeddings"
            )
        if encoder is not None:
            name, size = type(encoder.model).__name__, encoder.model.embedding_dim
            if encoder.fs != self.fs:
                raise InputError(
                    f"model.init_args.speaker_encoder: {name} is for {encoder.fs} Hz, the extractor for {self.fs} Hz; "
                    "use an encoder of that rate, or set model.init_args.fs"
                )
            if dim not in (None, size):
                raise InputError(
                    f"model.init_args.embedding_dim {dim}: must be {size}, the size of speaker_encoder {name}; "
                    "correct or remove it"
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
        """``embedding`` (B, D), or if it is None the encoder's embedding of enrolments (B, M) with lengths (B,).

        Raises:
            InputError: ``embedding`` has another size, or it is None and there is no encoder.
        """
        if embedding is not None:
            if embedding.shape[-1] != self.embedding_dim:
                raise InputError(
                    f"data.init_args.embeddings: embeddings have {embedding.shape[-1]} numbers, the model takes "
                    f"{self.embedding_dim}; extract them with the encoder of the model"
                )
            return embedding
        if self.trained_embedder is None or enrolment is None:
            raise InputError(
                f"{type(self).__name__}: needs an embedding of the enrolment; set model.init_args.speaker_encoder, "
                "which computes it"
            )
        with torch.autocast(enrolment.device.type, enabled=False):  # as for precomputed embeddings
            return self.trained_embedder(enrolment, lengths)

    def train(self, mode: bool = True) -> "Self":
        """As in torch; the speaker encoder stays in eval mode."""
        super().train(mode)
        if self.trained_embedder is not None:
            self.trained_embedder.eval()
        return self

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams of a training item."""
        return ("wav", *(CONDITIONS[name] for name in self.conditioning))

    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """Outputs for the loss: ``speech`` (B, N), and further ones of a subclass.

        Args:
            batch: ``wav`` (B, N). Depending on ``conditioning``: ``enroll_spk1`` (B, M) and ``enroll_spk1_lengths``
                (B,)|None, or (B, K, M) and (B, K)|None; ``embedding`` (B, D), optional with a speaker encoder.
        """
        return {"speech": self(batch["wav"], **self.conditions(batch))}

    def conditions(self, batch: Mapping) -> dict[str, Tensor | None]:
        """The arguments of ``forward`` after the mixture, from a batch."""
        inputs = {name: batch[CONDITIONS[name]] for name in self.conditioning}
        if "enrolment" in inputs:
            enrolled = self.fit_enrolments(inputs["enrolment"], batch.get("enroll_spk1_lengths"))
            inputs["enrolment"], inputs["enrolment_lengths"] = enrolled
        if self.trained_embedder is not None and CONDITIONS["embedding"] in batch:
            inputs["embedding"] = batch[CONDITIONS["embedding"]]
        return inputs

    def fit_enrolments(self, enrolment: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """One or several enrolments of each speaker in the form that ``forward`` accepts.

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

    def open_stream(
        self, enrolment: Tensor | None, enrolment_lengths: Tensor | None = None, embedding: Tensor | None = None
    ) -> NetworkStream:
        """The state for a mixture that arrives piece by piece; a causal subclass overrides this.

        Args:
            enrolment, enrolment_lengths, embedding: of one speaker, (1, ...), see :meth:`forward`.

        Raises:
            InputError: the network is not causal.
        """
        raise InputError(
            f"{type(self).__name__}: cannot stream: its output depends on the whole mixture; use a causal network, "
            "such as GTCRNExtractor"
        )

    @abstractmethod
    def forward(self, mixture: Tensor, *conditions: Any, **named_conditions: Any) -> Tensor:
        """Extract the enrolled speaker. A subclass has the arguments of its ``conditioning`` after the mixture.

        Args:
            mixture: (B, N) samples in [-1, 1), without padding.
            enrolment: (B, M) samples of the target speaker, padded at the end with any finite values; (B, K, M) with
                ``several_enrolments``.
            enrolment_lengths: (B,) or (B, K) int64 number of samples of each enrolment, 1 to M; None: all have M.
            embedding: (B, D) of the target speaker.

        Returns:
            (B, N) samples.
        """
