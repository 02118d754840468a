"""An embedding and, beside it, a projection that was trained to tell speakers apart in noise."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from toolkit.io.errors import InputError
from toolkit.models.embedding.base import EmbeddingRestorer

_LEAST = 1e-12  # added to variances: the pooled numbers of GE2E are small


class SpeakerProjection(EmbeddingRestorer):
    """Keeps an embedding and appends a linear projection of it, and of what the encoder gives besides.

    The projection is trained by a loss of speaker verification: batch normalisation, dropout, a linear layer.
    A training step reads every utterance under one condition, drawn evenly from the clean speech and its variants. The
    output is ``[sqrt(1 - w) u; sqrt(w) v]`` of the kept embedding u and the projection v at
    unit length, so the cosine of two outputs is ``(1 - w) cos(u, u') + w cos(v, v')``. Not a published system: a linear
    back end, such as WCCN and LDA, that is trained as a network.

    Args:
        dim: D of the input; 768 for ``GE2E(pooled=True)``.
        kept: the first numbers of the input, which are kept: the embedding of the encoder.
        size: of the projection.
        weight: w, from 0 to 1.
        dropout: of the input in training.

    Raises:
        InputError: an argument is out of its range.

    Example::

        network = SpeakerProjection(dim=768, kept=256).eval()
        network(vectors)  # (B, 512) of unit length
    """

    keeps_space = False

    def __init__(self, dim: int = 768, kept: int = 256, size: int = 256, weight: float = 0.6, dropout: float = 0.2):
        super().__init__()
        if not 1 <= kept <= dim or size < 1 or not 0 <= weight <= 1 or not 0 <= dropout < 1:
            raise InputError(
                f"dim {dim}, kept {kept}, size {size}, weight {weight}, dropout {dropout}: kept must be from 1 to dim, "
                "size 1 or more, weight from 0 to 1, dropout from 0 to below 1"
            )
        self.dim, self.kept, self.size, self.weight = dim, kept, size, weight
        self.projection = nn.Sequential(nn.BatchNorm1d(dim, eps=_LEAST), nn.Dropout(dropout), nn.Linear(dim, size))

    @property
    def output_dim(self) -> int:
        """E: the kept numbers and the projection."""
        return self.kept + self.size

    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """``embedding`` (B, E): outputs for the utterances, each under a drawn condition."""
        rows = self.pairs(batch)
        drawn = torch.randint(rows.shape[1], (len(rows),), device=rows.device)
        return {"embedding": self(rows[torch.arange(len(rows), device=rows.device), drawn])}

    def forward(self, embedding: Tensor, noise: Tensor | None = None) -> Tensor:
        """(B, D) -> (B, E) of unit length, see EmbeddingRestorer; ``noise`` is not used."""
        kept, projected = normalize(embedding[:, : self.kept]), normalize(self.projection(embedding))
        return torch.cat([(1 - self.weight) ** 0.5 * kept, self.weight**0.5 * projected], 1)
