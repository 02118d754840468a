"""The base class of speaker encoders."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class SpeakerEncoder(nn.Module, ABC):
    """Features of an utterance -> speaker embedding.

    To use your own class, give its import path in the config; the constructor arguments are the keys of ``init_args``,
    so they need types and defaults::

        model:
          class_path: my_package.my_module.MyEncoder
          init_args: {embedding_dim: 256}

    Set ``embedding_dim`` (D) in the constructor and implement ``forward``. Scoring and batching require: with
    ``lengths``, in eval mode, padding does not change the embedding of an utterance.
    """

    embedding_dim: int

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams of a mixture that training needs: ``wav``; in some models also ``spk1`` (speech) and ``noise1``."""
        return ("wav",)

    @property
    def output_dims(self) -> dict[str, int]:
        """Size of each vector among the outputs."""
        return {"embedding": self.embedding_dim}

    @property
    def output_classes(self) -> dict[str, tuple[str, ...]]:
        """Classes of each logits among the outputs."""
        return {}

    def outputs(self, feats: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """Outputs for the loss from features (B, T, F): ``embedding`` (B, D), and further ones of a subclass."""
        return {"embedding": self(feats, lengths)}

    @abstractmethod
    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Embed a batch.

        Args:
            feats: (B, T, F) features, padded at the end with any finite values.
            lengths: (B,) int64 number of frames of each utterance, 1 to T; None: all have T (no mask).

        Returns:
            (B, D) embeddings, without length normalisation.
        """
