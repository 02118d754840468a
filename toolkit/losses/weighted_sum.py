"""A weighted sum of losses, for every task."""

from collections.abc import Mapping
from functools import reduce
from operator import add
from typing import cast

from torch import Tensor, nn

from toolkit.io.errors import InputError, some_of
from toolkit.losses.base import Loss, TrainingFacts


class WeightedSum(Loss):
    """Weighted sum of losses, e.g. AAM-softmax and angular prototypical.

    Args:
        losses: name -> loss.
        weights: name -> weight; default 1.

    Raises:
        InputError: ``losses`` is empty, a weight has an unknown name, or losses need different numbers of utterances
            per speaker.

    Example::

        loss:
          class_path: WeightedSum
          init_args:
            losses: {aam: {class_path: AAMSoftmax}, ap: {class_path: AngularPrototypical}}
            weights: {ap: 0.5}
    """

    def __init__(self, losses: dict[str, Loss], weights: dict[str, float] | None = None):
        super().__init__()
        weights = weights or {}
        if not losses:
            raise InputError("losses: must have at least one loss")
        if unknown := weights.keys() - losses.keys():
            raise InputError(f"weights: {some_of(sorted(unknown))}: no such loss; there are {some_of(losses)}")
        demands = {loss.utterances_per_speaker for loss in losses.values()} - {1}
        if len(demands) > 1:
            raise InputError(
                f"losses: utterances_per_speaker {some_of(sorted(demands))} differ; set one number for all"
            )
        self.utterances_per_speaker = max(demands, default=1)
        self.losses = nn.ModuleDict(losses)
        self.weights = {name: weights.get(name, 1.0) for name in losses}

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams of all losses."""
        return tuple(dict.fromkeys(stream for loss in self._members.values() for stream in loss.streams))

    @property
    def scale_invariant(self) -> bool:
        """Whether all losses ignore the level of the output."""
        return all(getattr(loss, "scale_invariant", False) for loss in self.losses.values())

    @property
    def _members(self) -> dict[str, Loss]:
        return {name: cast(Loss, loss) for name, loss in self.losses.items()}

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss."""
        for loss in self._members.values():
            loss.setup(facts)

    def compare_with(self, reference: str) -> None:
        """See Loss."""
        for loss in self._members.values():
            loss.compare_with(reference)

    def prepare(self, data) -> None:
        """See Loss."""
        for loss in self._members.values():
            loss.prepare(data)

    def check_data(self, data) -> None:
        """See Loss."""
        for loss in self._members.values():
            loss.check_data(data)

    def members(self, outputs: Mapping[str, Tensor]) -> dict[str, Loss]:
        """The losses for these outputs: all, unless a subclass skips some."""
        return self._members

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs and batch of (B, ...) -> loss (scalar), terms.

        Terms: the unweighted value of each loss under its name, and the terms of each loss.
        """
        terms: dict[str, Tensor] = {}
        own: dict[str, Tensor] = {}
        weighted: list[Tensor] = []
        for name, loss in self.members(outputs).items():
            value, more = loss(outputs, batch)
            weighted.append(self.weights[name] * value)
            terms[name] = value.detach()
            own = more | own  # of equal names, keep the first
        return reduce(add, weighted), terms | own
