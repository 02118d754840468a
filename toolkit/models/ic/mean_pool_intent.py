"""Mean over time and a linear layer for each slot: the downstream network of SUPERB's intent classification."""

from torch import Tensor, nn

from toolkit.models.ic.base import IntentModel
from toolkit.nn.mask import length_mask, masked_mean


class MeanPoolIntent(IntentModel):
    """Linear projection, mean over time, a linear layer for each slot (SUPERB, Yang et al. 2021, arXiv 2105.01051).

    The defaults are those of the benchmark's code (s3prl). Features are the hidden states of a self-supervised model
    (SSLFeatures), with ``normalize: none``.

    Args:
        slots: slot -> its values; see toolkit.data.intents.Intents.
        n_mels: F, features of a frame.
        projection: numbers of a frame that are averaged.

    Example::

        model = MeanPoolIntent({"action": ["on", "off"], "object": ["lights", "music"]})
        model(torch.randn(1, 49, 768))["action"].shape  # (1, 2)
    """

    reads_mean = True

    def __init__(self, slots: dict[str, list[str]], n_mels: int = 768, projection: int = 256):
        super().__init__(slots)
        self.projection = nn.Linear(n_mels, projection)
        self.heads = nn.ModuleList(nn.Linear(projection, len(values)) for values in self.intents.slots.values())

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """(B, T, F) features, (B,) frames|None -> slot -> logits of its values (B, V)."""
        mask = None if lengths is None else length_mask(lengths, feats.shape[1])
        x = masked_mean(self.projection(feats).transpose(1, 2), mask)
        return {slot: head(x) for slot, head in zip(self.intents.slots, self.heads, strict=True)}
