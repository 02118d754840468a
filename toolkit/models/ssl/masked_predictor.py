"""The base class of networks that learn by masked prediction of speech units."""

from abc import abstractmethod
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.models.network import Network
from toolkit.models.ssl.base import LayerwiseNetwork, SSLModel
from toolkit.nn.mask import length_mask
from toolkit.nn.span_mask import span_mask

MASK_SCORES = "mask_scores"  # of a batch, (B, T): the random numbers of the mask; without them it is drawn


class MaskedPredictor(LayerwiseNetwork, Network):
    """An encoder that predicts the units of masked frames (HuBERT, Hsu et al. 2021, arXiv 2106.07447, section II).

    Spans of frames are replaced by a learned vector before the transformer. The logit of a unit is the cosine of its
    learned vector and the projected output, divided by the temperature (equation 3).

    To use your own class, give its import path in the config. The constructor calls ``super().__init__``; implement
    ``embed``, ``transform`` and ``num_frames``. With ``lengths``, in eval mode, padding must not change an utterance.

    Args:
        fs: rate in Hz.
        dim: D, size of all hidden states.
        num_layers: number of transformer layers.
        num_clusters: C, number of units.
        mask_prob: p, share of the frames at which a masked span begins.
        mask_length: l, frames of a span.
        projection: size of the vectors whose cosine is taken.
        temperature: divisor of the cosine.

    Raises:
        InputError: an argument is out of its range.
    """

    def __init__(
        self,
        fs: int,
        dim: int,
        num_layers: int,
        num_clusters: int,
        mask_prob: float = 0.08,
        mask_length: int = 10,
        projection: int = 256,
        temperature: float = 0.1,
    ):
        super().__init__()
        if not (0 < mask_prob <= 1 and mask_length >= 1 and temperature > 0):
            raise InputError(
                f"model.init_args: mask_prob {mask_prob} must be above 0 and up to 1, mask_length {mask_length} 1 or "
                f"more, temperature {temperature} above 0"
            )
        if min(dim, num_layers, projection) < 1 or num_clusters < 2:
            raise InputError(
                f"model.init_args: dim {dim}, num_layers {num_layers} and projection {projection} must be 1 or more, "
                f"num_clusters {num_clusters} 2 or more"
            )
        self.fs, self.dim, self.num_layers, self.num_clusters = fs, dim, num_layers, num_clusters
        self.mask_prob, self.mask_length, self.temperature = mask_prob, mask_length, temperature
        self.mask_embedding = nn.Parameter(torch.rand(dim))
        self.projection = nn.Linear(dim, projection)
        self.unit_vectors = nn.Parameter(torch.randn(num_clusters, projection))

    @abstractmethod
    def embed(self, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """What masks are applied to: wav (B, N), lengths (B,) samples or None -> (B, T, D), (B,) frames or None."""

    @abstractmethod
    def transform(self, x: Tensor, frames: Tensor | None = None, num_layers: int | None = None) -> list[Tensor]:
        """The transformer.

        Args:
            x: (B, T, D), the output of ``embed``.
            frames: (B,) frames of each utterance; None: all have T.
            num_layers: the highest layer to compute; None: all.

        Returns:
            The input of the first layer, and the outputs of layers 1 to ``num_layers``, each (B, T, D).
        """

    def states(self, wav: Tensor, lengths: Tensor | None = None) -> tuple[list[Tensor], Tensor | None]:
        """All hidden states (B, T, D), without a mask, and (B,) frames or None; the arguments as of ``embed``."""
        x, frames = self.embed(wav, lengths)
        return self.transform(x, frames), frames

    def forward(self, wav: Tensor, num_layers: int) -> list[Tensor]:
        """(B, N) samples -> outputs (B, T, D) of the first layers; see LayerwiseNetwork."""
        return self.transform(self.embed(wav)[0], None, num_layers)[1:]

    def hidden_states(self, wav: Tensor) -> list[Tensor]:
        """See LayerwiseNetwork."""
        return self.states(wav)[0]

    def padded_states(self, wav: Tensor, lengths: Tensor) -> tuple[list[Tensor], Tensor]:
        """See LayerwiseNetwork."""
        states, frames = self.states(wav, lengths)
        assert frames is not None  # there are lengths
        return states, frames

    def logits(self, last: Tensor) -> Tensor:
        """(B, T, D), the output of the last layer -> (B, T, C) float32."""
        x = F.normalize(self.projection(last).float(), dim=2)
        return x @ F.normalize(self.unit_vectors.float(), dim=1).T / self.temperature

    def training_outputs(self, batch: Mapping) -> dict[str, Tensor]:
        """Predictions from masked input.

        Args:
            batch: ``wav`` (B, N), ``lengths`` (B,)|None in samples, and perhaps ``mask_scores`` (B, T), see span_mask;
                else the mask is drawn from torch's generator.

        Returns:
            ``logits`` (B, T, C), ``mask`` (B, T) bool, ``valid`` (B, T) bool, False for padding.
        """
        x, frames = self.embed(batch["wav"], batch.get("lengths"))
        scores = batch.get(MASK_SCORES)
        if scores is None:
            scores = torch.rand(x.shape[:2], device=x.device)
        mask = span_mask(scores, frames, self.mask_prob, self.mask_length)
        valid = torch.ones_like(mask) if frames is None else length_mask(frames, x.shape[1])
        x = torch.where(mask[:, :, None], self.mask_embedding.to(x.dtype), x)
        return {"logits": self.logits(self.transform(x, frames)[-1]), "mask": mask, "valid": valid}


class StoredSSL(SSLModel):
    """A network whose weights are among those of the system that uses it, as packed systems have it.

    Args:
        model: the network, without its weights.
    """

    def __init__(self, model: MaskedPredictor):
        self._network = model
        self.fs, self.num_layers, self.dim = model.fs, model.num_layers, model.dim

    def load(self) -> MaskedPredictor:
        """See SSLModel."""
        return self._network
