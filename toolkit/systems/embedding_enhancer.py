"""Enhancement of speaker embeddings by a trained network."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from toolkit.io.config import ConfigParser
from toolkit.io.errors import InputError
from toolkit.models.embedding.base import EmbeddingRestorer
from toolkit.models.embedding.seed import SEED
from toolkit.simulate.plan import generator
from toolkit.systems.base import System
from toolkit.train.experiment import default

_ROWS = 4096  # embeddings per forward pass


class EmbeddingEnhancer(System):
    """Speaker embedding of a noisy recording -> embedding of clean speech.

    Example::

        enhancer = EmbeddingEnhancer.load("exp/ee_train_seed_ge2e")
        vector = enhancer.enhance(verifier.embed("noisy.wav"))  # verifier: the extractor of its training
        rows = enhancer.enhance(rows, ids)  # (N, D); noise is drawn by seed and id
    """

    task = "ee"
    network_type = EmbeddingRestorer
    weights = "valid.distance.ave.pth"
    network: EmbeddingRestorer

    @classmethod
    def add_network_arguments(cls, parser: ConfigParser) -> None:
        """Add the config key of the network."""
        parser.add_argument("--model", type=EmbeddingRestorer, default=default(SEED), help="embedding to embedding")

    @property
    def dim(self) -> int:
        """D, size of an embedding."""
        return self.network.dim

    @property
    def extractor(self) -> dict | None:
        """Identity of the extractor of the training embeddings (toolkit.systems.verifier.Verifier.identity); None if
        unknown."""
        return (self.origin.training or {}).get("extractor")

    def enhance(self, x, ids: Sequence[str] | None = None, seed: int = 0, draws: int = 1) -> np.ndarray:
        """Enhance embeddings; the result for each does not depend on the others.

        Args:
            x: an embedding (D,), or several (N, D).
            ids: id of each; noise depends on seed and id. None: it depends on the embedding.
            seed: seed of the noise, if the network uses noise.
            draws: number of noise samples to average over.

        Returns:
            float32 (E,) or (N, E), as ``x``, with E the network's ``output_dim``; without length normalisation.

        Raises:
            InputError: an embedding is of another size, zero or not finite, or the number of ids differs.
        """
        rows = _rows(x, self.dim)
        names = [row.tobytes().hex() for row in rows] if ids is None else list(ids)
        if len(names) != len(rows):
            raise InputError(f"ids: got {len(names)} for {len(rows)} embeddings; give one for each")
        return self.enhance_rows(rows, names, seed, draws).reshape(*np.shape(x)[:-1], self.network.output_dim)

    def enhance_rows(self, rows: np.ndarray, ids: Sequence[str], seed: int = 0, draws: int = 1) -> np.ndarray:
        """As :meth:`enhance`, for (N, D) float32.

        Raises:
            InputError: an embedding is of another size, zero or not finite; names its id.
        """
        check_rows(rows, ids, self.dim)
        if draws < 1:
            raise InputError(f"draws {draws}: must be 1 or more")
        enhanced = np.empty((len(rows), self.network.output_dim), np.float32)
        for first in range(0, len(rows), _ROWS):
            part = slice(first, first + _ROWS)
            enhanced[part] = self._mean(rows[part], self._noise(ids[part], seed, draws))
        if (bad := np.flatnonzero(~np.isfinite(enhanced).all(1))).size:
            raise InputError(f"{ids[bad[0]]}: its enhanced embedding is not finite; training diverged")
        return enhanced

    def _noise(self, ids: Sequence[str], seed: int, count: int) -> np.ndarray | None:
        """(N, count, D) standard normal noise; None for a network without noise."""
        if not self.network.draws_noise:
            return None
        return np.stack([noise_of(seed, key, (count, self.dim)) for key in ids])

    def _mean(self, rows: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
        with self.inferring() as network:
            x = torch.from_numpy(rows).to(self.device)
            if noise is None:
                return network(x).float().cpu().numpy()
            eps = torch.from_numpy(noise).to(self.device)
            repeated = x[:, None].expand_as(eps).flatten(0, 1)
            return network(repeated, eps.flatten(0, 1)).unflatten(0, eps.shape[:2]).mean(1).float().cpu().numpy()

    def check_extractor(self, facts: Mapping | None, where: str) -> None:
        """Raise InputError if embeddings come from another extractor than those of training.

        Args:
            facts: identity of their extractor; None if unknown.
            where: path of the embeddings, for the message.
        """
        ours = self.extractor
        if facts and ours and facts.get("digest") != ours.get("digest"):
            raise InputError(
                f"{where}: was made by {facts.get('extractor')}, but {self.origin.path} was trained for embeddings of "
                f"{ours.get('extractor')}; use the same extractor"
            )

    def example(self, seconds: float) -> tuple[Tensor, ...]:
        """An embedding; the cost does not depend on ``seconds``."""
        generator = torch.Generator().manual_seed(0)
        rows = torch.randn(1, self.dim, generator=generator).to(self.device)
        return (rows, torch.randn(1, self.dim, generator=generator).to(self.device))

    def info(self) -> dict:
        """See System; ``fs`` is None, and ``extractor`` is the extractor of training."""
        return super().info() | {"fs": None, "extractor": self.extractor}

    def _lines(self, facts: Mapping) -> dict[str, str]:
        lines = super()._lines(facts)
        del lines["rate"]
        lines["cost"] = f"{facts['macs'] / 1e6:,.1f} M multiply-accumulates per embedding"
        extractor = self.extractor
        return lines | {
            "embedding": f"{self.dim} numbers",
            "extractor": str(extractor.get("extractor")) if extractor else "not known",
        }


def check_rows(rows: np.ndarray, ids: Sequence[str], dim: int) -> None:
    """Raise InputError unless embeddings (N, D) are of this size, finite and not zero; names the id."""
    if rows.ndim != 2 or rows.shape[1] != dim:
        size = rows.shape[-1] if rows.ndim else 0
        raise InputError(
            f"{ids[0] if len(ids) else 'embedding'}: has {size} numbers, must have {dim}; use embeddings of the "
            "extractor of the training"
        )
    for bad, fault in ((~np.isfinite(rows).all(1), "holds NaN or infinity"), (~rows.any(1), "is zero")):
        if bad.any():
            raise InputError(f"{ids[int(np.argmax(bad))]}: its embedding {fault}; extract it again")


def _rows(x, dim: int) -> np.ndarray:
    """One or several embeddings as (N, D) float32."""
    try:
        values = np.asarray(x.detach().cpu() if torch.is_tensor(x) else x)
    except ValueError:
        raise InputError(f"embedding: must be ({dim},) or (N, {dim}) numbers, got several sizes") from None
    if values.ndim not in (1, 2) or values.shape[-1] != dim or values.dtype.kind not in "fiu":
        raise InputError(f"embedding: must be ({dim},) or (N, {dim}) numbers, got {values.dtype} {values.shape}")
    rows = np.array(values, dtype=np.float32, ndmin=2)  # a copy, because torch needs a writable array
    check_rows(rows, [f"embedding {i}" for i in range(len(rows))], dim)
    return rows


def noise_of(seed: int, key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal float32 noise that depends only on seed and id."""
    return generator(seed, "embedding noise", key).standard_normal(shape, np.float32)
