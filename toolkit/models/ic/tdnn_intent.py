"""Time-delay layers and statistics over time: an intent classifier for features without context, such as log-mel."""

from torch import Tensor, nn

from toolkit.models.ic.base import IntentModel
from toolkit.nn.mask import length_mask
from toolkit.nn.pooling import StatisticsPooling
from toolkit.nn.tdnn import TdnnBlock

_CONTEXTS = ((5, 1), (3, 2), (3, 3), (3, 4), (1, 1))  # kernel and dilation in frames


class TdnnIntent(IntentModel):
    """Five time-delay layers, mean and deviation over time, a linear layer for each slot.

    The layers are those of x-vector (Snyder et al. 2018, ICASSP) with one more of context: an output frame sees 23
    frames, about a word at a hop of 10 ms.

    Args:
        slots: slot -> its values; see toolkit.data.intents.Intents.
        n_mels: F, features of a frame.
        channels: of the layers.
        dropout: of the pooled vector.

    Example::

        model = TdnnIntent({"action": ["on", "off"], "object": ["lights", "music"]})
        model(torch.randn(1, 200, 40))["action"].shape  # (1, 2)
    """

    def __init__(self, slots: dict[str, list[str]], n_mels: int = 40, channels: int = 128, dropout: float = 0.2):
        super().__init__(slots)
        sizes = [n_mels, *[channels] * (len(_CONTEXTS) - 1)]
        self.blocks = nn.ModuleList(
            TdnnBlock(size, channels, *context) for size, context in zip(sizes, _CONTEXTS, strict=True)
        )
        self.pooling, self.dropout = StatisticsPooling(), nn.Dropout(dropout)
        self.heads = nn.ModuleList(nn.Linear(2 * channels, len(values)) for values in self.intents.slots.values())

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """(B, T, F) features, (B,) frames|None -> slot -> logits of its values (B, V)."""
        x = feats.transpose(1, 2)
        mask = None if lengths is None else length_mask(lengths, x.shape[2])
        for block in self.blocks:
            x = block(x, mask)
        x = self.dropout(self.pooling(x, mask))
        return {slot: head(x) for slot, head in zip(self.intents.slots, self.heads, strict=True)}
