"""A speaker encoder with an enhancement of its embeddings behind it."""

from torch import Tensor

from toolkit.io.errors import InputError
from toolkit.models.embedding.base import EmbeddingRestorer
from toolkit.models.sv.base import SpeakerEncoder


class EnhancedEncoder(SpeakerEncoder):
    """One encoder of two networks: embeddings, and their enhancement without random noise.

    Args:
        encoder: features to embedding (B, D).
        restorer: trained for the embeddings of ``encoder``, D to E.

    Raises:
        InputError: the two do not fit.

    Example::

        encoder = EnhancedEncoder(GE2E(weights="resemblyzer"), EmbeddingEnhancer.load("exp/ee_x").network)
        SpeakerEmbedder(MelPower(), encoder, "none")  # what Verifier runs
    """

    def __init__(self, encoder: SpeakerEncoder, restorer: EmbeddingRestorer):
        super().__init__()
        if encoder.embedding_dim != restorer.dim:
            raise InputError(
                f"restorer: is for embeddings of {restorer.dim} numbers, the encoder gives {encoder.embedding_dim}"
            )
        self.encoder, self.restorer = encoder, restorer
        self.embedding_dim = restorer.output_dim

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F) features, lengths (B,) int64 frames or None (all T) -> (B, E) embeddings."""
        return self.restorer(self.encoder(feats, lengths))
