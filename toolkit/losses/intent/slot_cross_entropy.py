"""Cross-entropy of the slots of an intent."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from toolkit.data.intents import INTENT
from toolkit.losses.base import Loss, TrainingFacts


class SlotCrossEntropy(Loss):
    """Sum over slots of the cross-entropy of their values, averaged over the batch (SUPERB's, as s3prl has it).

    Example::

        loss: {class_path: SlotCrossEntropy}
    """

    @property
    def streams(self) -> tuple[str, ...]:
        """The intent."""
        return (INTENT,)

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss."""
        self.slots = tuple(facts.classes)

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """See Loss.

        Args:
            outputs: logits (B, V) of each slot.
            batch: ``intent`` (B, S) int64, numbers of values.

        Returns:
            The loss. Terms: ``exact``, share of utterances whose slots are all right; ``slots``, share of slots.
        """
        targets, total, right = batch[INTENT], torch.zeros((), device=batch[INTENT].device), []
        for slot, target in zip(self.slots, targets.T, strict=True):
            logits = self.output_of(outputs, slot).float()
            total = total + F.cross_entropy(logits, target)
            right.append(logits.detach().argmax(1) == target)
        of_slots = torch.stack(right).float()
        return total, {"exact": of_slots.prod(0).mean(), "slots": of_slots.mean()}
