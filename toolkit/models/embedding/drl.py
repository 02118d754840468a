"""DRL: a speaker code and an environment code from an embedding (Nam et al. 2024)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from toolkit.io.errors import InputError
from toolkit.models.embedding.base import EmbeddingRestorer


class DRL(EmbeddingRestorer):
    """Splits an embedding into a speaker code, the output, and an environment code (Nam et al., "Disentangled
    Representation Learning for Environment-agnostic Speaker Recognition", Interspeech 2024; a baseline in table 1 of
    SEED).

    Encoder and decoder are batch normalisation and a linear layer each. A batch holds three adjacent utterances per
    speaker (DRLLoss requires them): anchor and positive under one condition, the negative under another, both drawn per
    batch. A condition is the clean speech or a variant name; two utterances with ``noise`` may have different noises.
    The decoder reads codes of unit length. With probability ``swap_prob`` the speaker codes of a batch are exchanged
    between utterances of the same speaker. In the paper the extractor is trained too and the negative is from another
    video; here the extractor is fixed. 1,053,184 parameters if all sizes are 512, 264,448 for 256.

    Args:
        dim: D, size of the embeddings.
        speaker_dim: E, size of the speaker code, the output; None: D.
        environment_dim: size of the environment code; None: E, as CodeCorrelation needs.
        swap_prob: probability that the speaker codes of a batch are exchanged.

    Raises:
        InputError: an argument is out of its range.

    Example::

        drl = DRL(dim=256).eval()
        codes = drl(embeddings)  # (B, 256); compare codes only with codes
    """

    keeps_space = False

    def __init__(
        self,
        dim: int = 256,
        speaker_dim: int | None = None,
        environment_dim: int | None = None,
        swap_prob: float = 0.5,
    ):
        super().__init__()
        speaker_dim = dim if speaker_dim is None else speaker_dim
        environment_dim = speaker_dim if environment_dim is None else environment_dim
        if min(dim, speaker_dim, environment_dim) < 1 or not 0 <= swap_prob <= 1:
            raise InputError(
                f"dim {dim}, speaker_dim {speaker_dim}, environment_dim {environment_dim}, swap_prob {swap_prob}: "
                "sizes must be 1 or more, swap_prob from 0 to 1"
            )
        self.dim, self.code_dims, self.swap_prob = dim, (speaker_dim, environment_dim), swap_prob
        self.encoder = nn.Sequential(nn.BatchNorm1d(dim), nn.Linear(dim, sum(self.code_dims)))
        self.decoder = nn.Sequential(nn.BatchNorm1d(sum(self.code_dims)), nn.Linear(sum(self.code_dims), dim))

    @property
    def output_dim(self) -> int:
        """E."""
        return self.code_dims[0]

    @property
    def output_dims(self) -> dict[str, int]:
        """Sizes of both codes."""
        return dict(zip(("embedding", "environment"), self.code_dims, strict=True))

    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """Codes of B = 3S utterances, and the embeddings decoded from the codes.

        Returns:
            ``embedding`` (B, E) and ``environment``, the two codes; ``original`` (B, D), the embeddings under the drawn
            conditions, and their ``reconstruction`` (B, D).

        Raises:
            InputError: B is not a multiple of three.
        """
        rows = self.pairs(batch)
        if len(rows) % 3:
            raise InputError(
                f"DRL: a batch of {len(rows)}: must have three utterances per speaker; use the loss DRLLoss"
            )
        conditions = draw_conditions(len(rows) // 3, rows.shape[1], rows.device)
        original = rows[torch.arange(len(rows), device=rows.device), conditions.flatten()]
        speaker, environment = self.encoder(original).split(self.code_dims, 1)
        decoded = torch.cat([self._swapped(normalize(speaker)), normalize(environment)], 1)
        return {
            "embedding": speaker,
            "environment": environment,
            "original": original,
            "reconstruction": self.decoder(decoded),
        }

    def _swapped(self, codes: Tensor) -> Tensor:
        """Speaker codes (3S, E): unchanged, or rotated among the three utterances of each speaker."""
        exchanged = codes.unflatten(0, (-1, 3)).roll(1, 1).flatten(0, 1)
        return torch.where(torch.rand((), device=codes.device) < self.swap_prob, exchanged, codes)

    def forward(self, embedding: Tensor, noise: Tensor | None = None) -> Tensor:
        """(B, D) -> (B, E), see EmbeddingRestorer; ``noise`` is not used."""
        return self.encoder(embedding)[:, : self.output_dim]


def draw_conditions(speakers: int, conditions: int, device: torch.device) -> Tensor:
    """(S, 3) int64 below ``conditions`` (2 or more) for anchor, positive and negative; the first two are equal."""
    same = torch.randint(conditions, (speakers,), device=device)
    other = (same + torch.randint(1, conditions, (speakers,), device=device)) % conditions
    return torch.stack([same, same, other], 1)
