"""Enhancement of speaker embeddings."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from toolkit.io.errors import InputError
from toolkit.simulate.plan import generator
from toolkit.systems.inference.system_origin import Origin

_ROWS = 4096  # embeddings per forward pass


class EmbeddingEnhancerBase(ABC):
    """Speaker embedding of a noisy recording -> embedding of clean speech. A subclass runs the network in
    :meth:`enhanced`.
    """

    origin: Origin

    @property
    @abstractmethod
    def dim(self) -> int:
        """D, size of an embedding."""

    @property
    @abstractmethod
    def output_dim(self) -> int:
        """E, size of an enhanced embedding."""

    @property
    @abstractmethod
    def draws_noise(self) -> bool:
        """Whether the network reads noise."""

    @abstractmethod
    def enhanced(self, rows: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
        """Embeddings (N, D), noise (N, draws, D) or None -> mean over draws of the enhanced embeddings (N, E)."""

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
        return self.enhance_rows(rows, names, seed, draws).reshape(*np.shape(x)[:-1], self.output_dim)

    def enhance_rows(self, rows: np.ndarray, ids: Sequence[str], seed: int = 0, draws: int = 1) -> np.ndarray:
        """As :meth:`enhance`, for (N, D) float32.

        Raises:
            InputError: an embedding is of another size, zero or not finite; names its id.
        """
        check_rows(rows, ids, self.dim)
        if draws < 1:
            raise InputError(f"draws {draws}: must be 1 or more")
        enhanced = np.empty((len(rows), self.output_dim), np.float32)
        for first in range(0, len(rows), _ROWS):
            part = slice(first, first + _ROWS)
            enhanced[part] = self.enhanced(rows[part], self._noise(ids[part], seed, draws))
        if (bad := np.flatnonzero(~np.isfinite(enhanced).all(1))).size:
            raise InputError(f"{ids[bad[0]]}: its enhanced embedding is not finite; training diverged")
        return enhanced

    def _noise(self, ids: Sequence[str], seed: int, count: int) -> np.ndarray | None:
        """(N, count, D) standard normal noise; None for a network without noise."""
        if not self.draws_noise:
            return None
        return np.stack([noise_of(seed, key, (count, self.dim)) for key in ids])

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
        values = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)
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
