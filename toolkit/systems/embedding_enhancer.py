"""Enhancement of speaker embeddings by a trained network."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from toolkit.io.config import ConfigParser
from toolkit.models.embedding.base import EmbeddingRestorer
from toolkit.models.embedding.seed import SEED
from toolkit.systems.base import System
from toolkit.systems.inference.embedding_enhancer_base import EmbeddingEnhancerBase
from toolkit.train.experiment import default


class EmbeddingEnhancer(System, EmbeddingEnhancerBase):
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
    def output_dim(self) -> int:
        """E, size of an enhanced embedding."""
        return self.network.output_dim

    @property
    def draws_noise(self) -> bool:
        """Whether the network reads noise."""
        return self.network.draws_noise

    def enhanced(self, rows: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
        """Embeddings (N, D), noise (N, draws, D) or None -> mean over draws of the enhanced embeddings (N, E)."""
        with self.inferring() as network:
            x = torch.from_numpy(rows).to(self.device)
            if noise is None:
                return network(x).float().cpu().numpy()
            eps = torch.from_numpy(noise).to(self.device)
            repeated = x[:, None].expand_as(eps).flatten(0, 1)
            return network(repeated, eps.flatten(0, 1)).unflatten(0, eps.shape[:2]).mean(1).float().cpu().numpy()

    def example(self, seconds: float) -> tuple[Tensor, ...]:
        """An embedding; the cost does not depend on ``seconds``."""
        generator = torch.Generator().manual_seed(0)
        rows = torch.randn(1, self.dim, generator=generator).to(self.device)
        return (rows, torch.randn(1, self.dim, generator=generator).to(self.device))

    def info(self) -> dict:
        """See System; ``fs`` is None, and ``extractor`` is the extractor of training."""
        return super().info() | {"fs": None, "extractor": self.extractor}

    def lines(self, facts: Mapping) -> dict[str, str]:
        """See System."""
        lines = super().lines(facts)
        del lines["rate"]
        lines["cost"] = f"{facts['macs'] / 1e6:,.1f} M multiply-accumulates per embedding"
        extractor = self.extractor
        return lines | {
            "embedding": f"{self.dim} numbers",
            "extractor": str(extractor.get("extractor")) if extractor else "not known",
        }
