"""What a model of intents promises, so that the task and the system work with it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from toolkit.data.intents import Intents


class IntentModel(nn.Module, ABC):
    """From the features of an utterance to the value of each slot of its intent.

    A class of your own plugs in by its import path; its constructor's arguments are the keys of ``init_args``, so give
    them types and defaults. It calls ``super().__init__(slots)`` and writes ``forward``. The promise: with ``lengths``,
    in eval mode, a padded utterance has the logits that it has alone.

    Args:
        slots: see toolkit.data.intents.Intents, which raises.

    Attributes:
        reads_mean: it reads only the mean of the features over time, which normalisation makes zero.
    """

    reads_mean = False

    def __init__(self, slots: Mapping[str, Sequence[str]]):
        super().__init__()
        self.intents = Intents(slots)

    @abstractmethod
    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """(B, T, F) features, (B,) frames or None for all T -> slot -> logits of its values (B, V)."""
