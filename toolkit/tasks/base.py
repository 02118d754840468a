"""What the trainer asks of a task."""

from abc import ABC, abstractmethod

import torch
from torch import nn

from toolkit.data.item import ItemSpec


class Task(nn.Module, ABC):
    """One training step, one validation, the weights to deploy.

    Attributes:
        metric: (name, ``min`` | ``max``): what validation ranks models by.
        per_speaker: items of a batch that belong together, side by side; processes share batches in whole groups.
        valid_streams, valid_lists: recordings and files that are read of a validation set.
        classes: what the classes of the loss stand for, in their order; None where it has none.
    """

    metric: tuple[str, str]
    per_speaker: int = 1
    valid_streams: tuple[str, ...] = ("wav",)
    valid_lists: tuple[str, ...] = ()
    classes: list[str] | None = None

    @abstractmethod
    def forward(self, batch: dict) -> tuple[torch.Tensor, dict[str, float]]:
        """A batch, ``feats`` (B, T, F) or ``wav`` (B, N) (toolkit.data.collate) -> loss (scalar), log numbers."""

    def check_contracts(self, batch: dict) -> nn.Module:
        """Raise InputError where a class of the config breaks its contract on a batch; returns the config's model."""
        return self.deployed()

    @abstractmethod
    def batches(self, seed: int, epoch: int) -> list[list[ItemSpec]]:
        """The training batches of an epoch (from 1)."""

    @property
    @abstractmethod
    def dataset(self):
        """What the batches' draws index."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Numbers of the present weights on the validation sets; holds ``metric``'s."""

    @abstractmethod
    def deployed(self) -> nn.Module:
        """The part whose weights inference needs."""

    def one_second(self) -> tuple[nn.Module, tuple]:
        """The network whose cost is counted, on the CPU, and inputs that are one second of audio, a batch of one."""
        raise NotImplementedError(type(self).__name__)
