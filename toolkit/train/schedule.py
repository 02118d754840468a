"""Learning-rate schedules: functions of the position in training alone, so resuming needs no state."""

import math
from abc import ABC, abstractmethod


class Schedule(ABC):
    """A class of your own plugs in by ``schedule.class_path``."""

    @abstractmethod
    def factor(self, epoch: float, epochs: int) -> float:
        """Factor on the optimizer's rate after ``epoch`` (fractional) of ``epochs`` epochs."""


class Constant(Schedule):
    """The optimizer's own rate throughout."""

    def factor(self, epoch: float, epochs: int) -> float:
        """1."""
        return 1.0


class WarmupCosine(Schedule):
    """Linear warm-up from near 0 to 1, then half a cosine down to ``final``.

    Args:
        warmup_epochs: length of the warm-up.
        final: factor at the end.
    """

    def __init__(self, warmup_epochs: float = 1.0, final: float = 1e-3):
        self.warmup_epochs, self.final = warmup_epochs, final

    def factor(self, epoch: float, epochs: int) -> float:
        """Rises over the warm-up, falls from its end to the end of training."""
        if epoch < self.warmup_epochs:
            return max(epoch, 1e-3) / self.warmup_epochs
        done = (epoch - self.warmup_epochs) / max(epochs - self.warmup_epochs, 1e-9)
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


class WarmupStep(Schedule):
    """Linear warm-up, then ``gamma`` after every ``every`` epochs.

    Args:
        warmup_epochs: length of the warm-up.
        gamma: factor of a step.
        every: epochs between steps.
    """

    def __init__(self, warmup_epochs: float = 0.0, gamma: float = 0.5, every: float = 10.0):
        self.warmup_epochs, self.gamma, self.every = warmup_epochs, gamma, every

    def factor(self, epoch: float, epochs: int) -> float:
        """Steps count from the start of training."""
        warm = min(1.0, max(epoch, 1e-3) / self.warmup_epochs) if self.warmup_epochs else 1.0
        return warm * self.gamma ** int(epoch / self.every)
