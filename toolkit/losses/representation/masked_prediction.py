"""Masked prediction of speech units."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from toolkit.io.errors import InputError
from toolkit.losses.base import Loss, TrainingFacts
from toolkit.models.ssl.speech_units import SpeechUnits
from toolkit.nn.frozen import FrozenModule


class MaskedPrediction(Loss):
    """Cross-entropy of the units of masked frames (HuBERT, Hsu et al. 2021, arXiv 2106.07447, equations 1 and 2).

    The units are those of clean speech: of the stream ``reference``, where the input is noisy or has a second talker
    (WavLM, Chen et al. 2022, arXiv 2110.13900, section III.B). They are computed from it batch by batch, so crops,
    speeds and rooms need no stored labels. The task gives them by :meth:`take_units`.

    Args:
        masked_weight: alpha, weight of the masked frames; the others have 1 - alpha.
        reference: stream of the clean speech; ``wav`` where training adds nothing to it.

    Raises:
        InputError: an argument is out of its range.

    Example::

        loss: {class_path: MaskedPrediction, init_args: {reference: wav}}
    """

    def __init__(self, masked_weight: float = 1.0, reference: str = "spk1"):
        super().__init__()
        if not 0 < masked_weight <= 1 or reference not in ("wav", "spk1"):
            raise InputError(
                f"loss.init_args: masked_weight {masked_weight} must be above 0 and up to 1, reference {reference!r} "
                "wav or spk1"
            )
        self.masked_weight, self.reference = masked_weight, reference
        self.units: FrozenModule | None = None
        self._fs = 0

    @property
    def streams(self) -> tuple[str, ...]:
        """The clean speech."""
        return () if self.reference == "wav" else (self.reference,)

    def take_units(self, units: SpeechUnits) -> None:
        """Set what the targets are; it is neither trained nor part of checkpoints."""
        self.units, self._fs = FrozenModule(units), units.fs

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss; InputError where the units are for another rate."""
        if self.units is not None and self._fs != facts.fs:
            raise InputError(f"loss MaskedPrediction: the units are for {self._fs} Hz, the audio has {facts.fs} Hz")

    def targets(self, batch: Mapping) -> Tensor:
        """Units (B, T) int64 of a batch with ``reference`` (B, N) and ``lengths`` (B,)|None.

        Raises:
            InputError: there are no units.
        """
        if self.units is None:
            raise InputError("units: file missing; set --units to the file of toolkit.bin.cluster_frames")
        return self.units(batch[self.reference], batch.get("lengths"))[0]

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """See Loss.

        Args:
            outputs: ``logits`` (B, T, C), ``mask`` and ``valid`` (B, T) bool.
            batch: see :meth:`targets`.

        Returns:
            The loss: means over frames. Terms: ``accuracy`` of masked and ``unmasked_accuracy`` of other frames.

        Raises:
            InputError: the units have another frame rate than the network.
        """
        logits, mask = self.output_of(outputs, "logits"), self.output_of(outputs, "mask")
        targets, valid = self.targets(batch), self.output_of(outputs, "valid")
        if targets.shape != mask.shape:
            raise InputError(
                f"loss MaskedPrediction: {targets.shape[1]} units for {mask.shape[1]} frames of the network; make the "
                "units with its frame shift (cluster_frames --hop_ms)"
            )
        entropy = F.cross_entropy(logits.float().transpose(1, 2), targets, reduction="none")
        right, others = logits.detach().argmax(2) == targets, valid & ~mask
        loss = self.masked_weight * _mean(entropy, mask)
        if self.masked_weight < 1:
            loss = loss + (1 - self.masked_weight) * _mean(entropy, others)
        return loss, {"accuracy": _mean(right, mask), "unmasked_accuracy": _mean(right, others)}


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """Mean of (B, T) over the frames where it is True; 0 without any."""
    return torch.where(where, values.float(), 0.0).sum() / where.sum().clamp(min=1)
