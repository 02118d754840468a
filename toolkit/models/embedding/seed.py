"""SEED: speaker embedding enhancement diffusion (arXiv 2505.16798)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from toolkit.io.errors import InputError
from toolkit.models.embedding.base import EmbeddingRestorer
from toolkit.nn.diffusion import DiffusionSchedule, falling_timesteps, sinusoidal

NORMS = ("none", "unit", "sqrt_dim")
ENSEMBLES = ("none", "raw", "normalised")
_CLIP = 3.0  # limit of DDIM predictions, in standard deviations of a dimension at length sqrt(D)


class RDMBlock(nn.Module):
    """Residual block of the representation diffusion model (RCG, arXiv 2312.03701; SEED, figure 1-c).

    Args:
        dim: H, size of input and output.
        condition_dim: C, size of the timestep embedding.
        dropout: dropout before the last linear layer, which is initialised to zero.
    """

    def __init__(self, dim: int, condition_dim: int, dropout: float = 0.0):
        super().__init__()
        self.inner = nn.Sequential(nn.LayerNorm(dim), nn.SiLU(), nn.Linear(dim, dim))
        self.condition = nn.Sequential(nn.SiLU(), nn.Linear(condition_dim, dim))
        self.outer = nn.Sequential(nn.LayerNorm(dim), nn.SiLU(), nn.Dropout(dropout), _zero(nn.Linear(dim, dim)))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x (B, H), condition (B, C) -> (B, H)."""
        return x + self.outer(self.inner(x) + self.condition(condition))


class RDMNetwork(nn.Module):
    """The residual MLP f(x_t, t) of SEED, initialised to output zero.

    Args:
        dim: D, size of the embeddings.
        hidden_dim: H, even; 2D in the paper.
        blocks: number of residual blocks; 3 in the paper.
        dropout: see RDMBlock; 0 in the authors' code.
    """

    def __init__(self, dim: int, hidden_dim: int, blocks: int = 3, dropout: float = 0.0):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.time = nn.Sequential(nn.Linear(hidden_dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.first = nn.Linear(dim, hidden_dim)
        self.blocks = nn.ModuleList(RDMBlock(hidden_dim, dim, dropout) for _ in range(blocks))
        self.last = nn.Sequential(nn.LayerNorm(hidden_dim, eps=1e-6), nn.SiLU(), _zero(nn.Linear(hidden_dim, dim)))

    def forward(self, x: Tensor, timestep: Tensor) -> Tensor:
        """x (B, D), timestep (B,) int64 -> (B, D)."""
        condition = self.time(sinusoidal(timestep, self.hidden_dim).to(x.dtype))
        x = self.first(x)
        for block in self.blocks:
            x = block(x, condition)
        return self.last(x)


class SEED(EmbeddingRestorer):
    """Adds Gaussian noise to an embedding and predicts the clean embedding (SEED, section 3.3).

    Where paper and authors' code (github kaistmm/seed-pytorch) differ, there is an argument; the defaults follow the
    code. With three blocks: 9,725,440 parameters for D = 512, 2,437,888 for 256, 1,373,760 for 192.

    Args:
        dim: D, size of the embeddings.
        hidden_dim: hidden size of the network; None: 2D.
        blocks, dropout: see RDMNetwork.
        timesteps, betas: diffusion schedule of training, see DiffusionSchedule.
        shared_timestep: one timestep for an utterance and its variants (eq. 9); the code draws one for each.
        self_conditioning: in training, diffuse the embedding to enhance (paper, and published configs of the authors).
            False: diffuse the clean embedding, so the network learns only the distribution of clean embeddings.
        train_norm: length of inputs and targets in training: ``none``, unchanged (the code); ``unit``, 1; ``sqrt_dim``,
            sqrt(D), so that a dimension has variance 1, as the noise of the diffusion.
        sample_norm: the same for inputs at inference; the code normalises only here, for any ``train_norm``.
        timestep: timestep at which embeddings are enhanced; 50 in the paper.
        steps: DDIM steps from ``timestep`` down to 0; 1, as in the paper: predict the clean embedding directly.
        ensemble: output: ``none``, the prediction; ``raw``, prediction plus input (``feature_ensemble`` in the code,
            used in the paper for WavLM-ECAPA); ``normalised``, the sum of both at unit length.

    Raises:
        InputError: an argument is out of its range.

    Example::

        seed = SEED(dim=256).eval()
        enhanced = seed(embeddings, torch.randn_like(embeddings))  # (B, 256)
    """

    draws_noise = True

    def __init__(
        self,
        dim: int = 256,
        hidden_dim: int | None = None,
        blocks: int = 3,
        dropout: float = 0.0,
        timesteps: int = 1000,
        betas: tuple[float, float] = (1e-4, 0.02),
        shared_timestep: bool = False,
        self_conditioning: bool = True,
        train_norm: str = "none",
        sample_norm: str = "sqrt_dim",
        timestep: int = 50,
        steps: int = 1,
        ensemble: str = "none",
    ):
        super().__init__()
        hidden_dim = 2 * dim if hidden_dim is None else hidden_dim
        if dim < 1 or hidden_dim < 2 or hidden_dim % 2 or blocks < 1 or not 0 <= dropout < 1:
            raise InputError(
                f"dim {dim}, hidden_dim {hidden_dim}, blocks {blocks}, dropout {dropout}: dim and blocks must be 1 or "
                "more, hidden_dim even, dropout from 0 to below 1"
            )
        for name, value, known in (
            ("train_norm", train_norm, NORMS),
            ("sample_norm", sample_norm, NORMS),
            ("ensemble", ensemble, ENSEMBLES),
        ):
            if value not in known:
                raise InputError(f"{name} {value!r:.40}: must be one of {', '.join(known)}")
        self.dim = dim
        self.schedule = DiffusionSchedule(timesteps, betas)
        self.network = RDMNetwork(dim, hidden_dim, blocks, dropout)
        self.shared_timestep, self.self_conditioning = shared_timestep, self_conditioning
        self.train_norm, self.sample_norm, self.ensemble = train_norm, sample_norm, ensemble
        self.steps = steps
        self.start_at(timestep)

    def start_at(self, timestep: int) -> None:
        """See EmbeddingRestorer."""
        self.timesteps = falling_timesteps(self.schedule.check_timestep(timestep, "timestep"), self.steps)

    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """Predictions at random timesteps: ``embedding`` (B, 1 + V, D); ``target`` (B, D), the clean embeddings."""
        rows = at_length(self.pairs(batch), self.train_norm)
        target = rows[:, 0]
        if not self.self_conditioning:
            rows = target[:, None].expand_as(rows)
        shape = (len(rows), 1) if self.shared_timestep else rows.shape[:2]
        timestep = torch.randint(self.schedule.timesteps, shape, device=rows.device).expand(rows.shape[:2])
        diffused = self.schedule.diffuse(rows, torch.randn_like(rows), timestep)
        predicted = self.network(diffused.flatten(0, 1), timestep.flatten())
        return {"embedding": predicted.unflatten(0, rows.shape[:2]), "target": target}

    def forward(self, embedding: Tensor, noise: Tensor | None = None) -> Tensor:
        """(B, D) -> (B, D), see EmbeddingRestorer; default ``noise`` (B, D): zero, its mean."""
        start = at_length(embedding, self.sample_norm)
        first = torch.full((len(embedding),), self.timesteps[0], device=embedding.device)
        diffused = self.schedule.diffuse(start, torch.zeros_like(start) if noise is None else noise, first)
        restored = self.schedule.denoise(self.network, diffused, self.timesteps, _CLIP * self.dim**0.5)
        if self.ensemble == "raw":
            return embedding + restored
        if self.ensemble == "normalised":
            return normalize(embedding, dim=-1) + normalize(restored, dim=-1)
        return restored


def at_length(embedding: Tensor, norm: str) -> Tensor:
    """(..., D) scaled to length 1 (``unit``), sqrt(D) (``sqrt_dim``), or unchanged (``none``)."""
    if norm == "none":
        return embedding
    return normalize(embedding, dim=-1) * (embedding.shape[-1] ** 0.5 if norm == "sqrt_dim" else 1.0)


def _zero(linear: nn.Linear) -> nn.Linear:
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
