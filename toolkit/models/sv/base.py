"""What a speaker encoder promises, so that every recipe, loss and scorer works with it."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class SpeakerEncoder(nn.Module, ABC):
    """From the features of an utterance to its speaker embedding.

    A class of your own plugs in by its import path; its constructor's arguments are the keys of ``init_args``, so give
    them types and defaults::

        model:
          class_path: my_package.my_module.MyEncoder
          init_args: {embedding_dim: 256}

    It sets ``embedding_dim`` (D) in its constructor and writes ``forward``. The promise which scoring and batching rely
    on: with ``lengths``, in eval mode, a padded utterance has the embedding which it has alone.
    """

    embedding_dim: int

    @property
    def streams(self) -> tuple[str, ...]:
        """Of a mixture, what training needs: ``wav``; ``spk1`` (the speech in it), ``noise1`` for models that ask."""
        return ("wav",)

    @property
    def output_dims(self) -> dict[str, int]:
        """Size of each vector among the outputs."""
        return {"embedding": self.embedding_dim}

    @property
    def output_classes(self) -> dict[str, tuple[str, ...]]:
        """The classes of the logits among the outputs."""
        return {}

    def outputs(self, feats: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """The outputs for the loss of features (B, T, F): ``embedding`` (B, D), and further ones of a model."""
        return {"embedding": self(feats, lengths)}

    @abstractmethod
    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Embed a batch.

        Args:
            feats: (B, T, F) features, padded at the end with anything finite.
            lengths: (B,) int64 frames of each utterance, 1 to T; None: all have T (nothing is masked).

        Returns:
            (B, D) embeddings, not normalised in length.
        """
