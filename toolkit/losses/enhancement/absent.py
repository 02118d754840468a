"""The training loss for mixtures that may lack the enrolled speaker."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from toolkit.io.errors import InputError
from toolkit.losses.base import Loss, TrainingFacts
from toolkit.losses.enhancement.waveform import masked


class AbsentTarget(Loss):
    """Another loss for mixtures with the target speaker, and the residual energy for mixtures without.

    For a mixture y with a silent reference, the loss of the output s is 10 log10(|s|^2 / |y|^2 + tau): the residual
    energy in dB with the floor 10 log10(tau). It equals the loss for inactive sources of Wisdom et al. 2021 (ICASSP,
    arXiv 2011.00803) and for inactive speakers of Delcroix et al. 2022 (Interspeech, arXiv 2204.04811), minus the
    energy of y in dB. ``data.init_args.absent_prob`` makes such mixtures.

    Args:
        loss: loss for mixtures with the target. It must depend on the level of the output (``SNR``, ``RIMagSISNR``);
            otherwise all outputs could become silent at no cost.
        absent_weight: weight of a mixture without the target; mixtures with the target have weight 1.
        floor_db: 10 log10(tau).
        mixture: stream of y in the batch.

    Raises:
        InputError: ``loss`` ignores the level, the floor is not below 0 dB, or the weight is below 0.

    Example::

        loss: {class_path: AbsentTarget, init_args: {loss: {class_path: SNR}}}
        data: {class_path: ExtractionDataset, init_args: {absent_prob: 0.1}}
    """

    takes_silence = True

    def __init__(self, loss: Loss, absent_weight: float = 1.0, floor_db: float = -20.0, mixture: str = "wav"):
        super().__init__()
        if getattr(loss, "scale_invariant", False):
            raise InputError(
                f"loss {type(loss).__name__}: does not depend on the output's level, so all outputs could become "
                "silent; use SNR or RIMagSISNR"
            )
        if not floor_db < 0:
            raise InputError(f"floor_db {floor_db:g}: must be below 0")
        if not absent_weight >= 0:
            raise InputError(f"absent_weight {absent_weight:g}: must be 0 or more")
        self.loss, self.absent_weight, self.tau, self.mixture = loss, absent_weight, 10 ** (floor_db / 10), mixture
        self.utterances_per_speaker = loss.utterances_per_speaker
        self.output, self.reference = getattr(loss, "output", "speech"), "spk1"

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams of the loss, the reference and the mixture."""
        return tuple(dict.fromkeys((*self.loss.streams, self.reference, self.mixture)))

    @property
    def reads(self) -> tuple[str, ...]:
        """The output."""
        return (self.output,)

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss."""
        self.loss.setup(facts)

    def compare_with(self, reference: str) -> None:
        """See Loss."""
        self.reference = reference
        self.loss.compare_with(reference)

    def prepare(self, data) -> None:
        """See Loss."""
        self.loss.prepare(data)

    def check_data(self, data) -> None:
        """See Loss."""
        self.loss.check_data(data)

    def residual(self, output: Tensor, mixture: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) outputs and mixtures, lengths (B,) samples or None (all N) -> (B,) dB."""
        left, whole = (x.square().sum(1) for x in masked(output, mixture, lengths=lengths))
        return 10 * (left / whole.clamp_min(1e-8) + self.tau).log10()

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs (B, N) and batch of mixtures (B, N) -> loss (scalar, mean over mixtures), terms.

        Terms: those of the loss, and ``residual_energy`` in dB of mixtures without the target; each only if the batch
        has such mixtures.
        """
        output = self.output_of(outputs, self.output)
        absent = ~batch[self.reference].any(1)
        present, terms = ~absent, {}
        total = output.new_zeros((), dtype=torch.float32)
        if present.any():
            value, terms = self.loss(rows_of(outputs, present), rows_of(batch, present))
            total = total + value * present.sum()
        if absent.any():
            lengths = batch.get("lengths")
            kept = None if lengths is None else lengths[absent]
            energy = self.residual(output[absent], batch[self.mixture][absent], kept)
            total = total + self.absent_weight * energy.sum()
            terms = {**terms, "residual_energy": energy.mean().detach()}
        return total / len(absent), terms


def rows_of(values: Mapping[str, Any], kept: Tensor) -> dict[str, Any]:
    """The items of outputs or of a batch for which ``kept`` (B,) is true."""
    chosen = kept.tolist()

    def of(value):
        if isinstance(value, Tensor):
            return value[kept] if value.ndim and len(value) == len(kept) else value
        if isinstance(value, list) and len(value) == len(chosen):
            return [item for item, is_kept in zip(value, chosen, strict=True) if is_kept]
        return value

    return {name: of(value) for name, value in values.items()}
