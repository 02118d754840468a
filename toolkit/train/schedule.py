"""Learning-rate schedules: stateless functions of the position and the previous validations."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

from toolkit.io.errors import InputError


class Schedule(ABC):
    """A learning-rate schedule. To use another class, set ``schedule.class_path`` in the config."""

    @abstractmethod
    def factor(self, epoch: float, epochs: int) -> float:
        """Factor on the learning rate after ``epoch`` (fractional) of ``epochs`` epochs."""

    def factor_after(self, values: Sequence[float], epoch: float, epochs: int) -> float:
        """The factor that the trainer uses: ``factor``, unless a subclass uses the validations.

        Args:
            values: value of the ranking metric after each epoch, in order; lower is better.
            epoch, epochs: as in factor.
        """
        return self.factor(epoch, epochs)


class Constant(Schedule):
    """A constant learning rate."""

    def factor(self, epoch: float, epochs: int) -> float:
        """1."""
        return 1.0


class WarmupCosine(Schedule):
    """Linear warm-up from near 0 to 1, then half a cosine period down to ``final``.

    Args:
        warmup_epochs: length of the warm-up in epochs.
        final: factor at the end.
    """

    def __init__(self, warmup_epochs: float = 1.0, final: float = 1e-3):
        self.warmup_epochs, self.final = warmup_epochs, final

    def factor(self, epoch: float, epochs: int) -> float:
        """Increases in the warm-up, then decreases until the end of training."""
        if epoch < self.warmup_epochs:
            return max(epoch, 1e-3) / self.warmup_epochs
        done = (epoch - self.warmup_epochs) / max(epochs - self.warmup_epochs, 1e-9)
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


class WarmupStep(Schedule):
    """Linear warm-up, then a factor ``gamma`` after every ``every`` epochs.

    Args:
        warmup_epochs: length of the warm-up in epochs.
        gamma: factor of a step.
        every: epochs between steps.
    """

    def __init__(self, warmup_epochs: float = 0.0, gamma: float = 0.5, every: float = 10.0):
        self.warmup_epochs, self.gamma, self.every = warmup_epochs, gamma, every

    def factor(self, epoch: float, epochs: int) -> float:
        """Steps count from the start of training."""
        warm = min(1.0, max(epoch, 1e-3) / self.warmup_epochs) if self.warmup_epochs else 1.0
        return warm * self.gamma ** int(epoch / self.every)


class StepDecay(Schedule):
    """A factor ``gamma`` after every ``every`` epochs, and other values from an epoch on.

    The defaults are those of SEF-PNet (Huang et al. 2025): 0.98 after every second epoch up to the 100th, then 0.9
    after each. So epoch 101 has the factor 0.98^50, epoch 102 0.9 times that.

    Args:
        gamma: factor of a step.
        every: whole epochs between steps.
        turn: number of epochs with these values; 0: all.
        late_gamma, late_every: values after ``turn``.

    Raises:
        InputError: ``every`` or ``late_every`` is below 1.
    """

    def __init__(
        self, gamma: float = 0.98, every: int = 2, turn: int = 100, late_gamma: float = 0.9, late_every: int = 1
    ):
        if min(every, late_every) < 1:
            raise InputError(f"every {every}, late_every {late_every}: must be 1 or more epochs")
        self.gamma, self.every, self.turn = gamma, every, turn
        self.late_gamma, self.late_every = late_gamma, late_every

    def factor(self, epoch: float, epochs: int) -> float:
        """Constant within an epoch."""
        ended = int(epoch)
        early = min(ended, self.turn) if self.turn else ended
        return self.gamma ** (early // self.every) * self.late_gamma ** ((ended - early) // self.late_every)


class Plateau(Schedule):
    """A factor ``gamma`` each time that validation has no new best for ``patience`` consecutive epochs.

    SSL-MSE (Sato et al. 2025, section 5.1.1): 3/4 after 2 epochs. After a step the count restarts. Uses the metric that
    ranks models. torch's ReduceLROnPlateau waits one epoch more than its ``patience``.

    Args:
        gamma: factor of a step.
        patience: epochs without a new best before a step.
        final: minimum of the factor.

    Raises:
        InputError: ``patience`` is below 1.
    """

    def __init__(self, gamma: float = 0.75, patience: int = 2, final: float = 0.0):
        if patience < 1:
            raise InputError(f"patience {patience}: must be 1 or more epochs")
        self.gamma, self.patience, self.final = gamma, patience, final

    def factor(self, epoch: float, epochs: int) -> float:
        """1, the factor before any validation."""
        return 1.0

    def factor_after(self, values: Sequence[float], epoch: float, epochs: int) -> float:
        """Recomputed from the whole history, so there is no other state."""
        best, idle, steps = math.inf, 0, 0
        for value in values:
            best, idle = (value, 0) if value < best else (best, idle + 1)
            if idle == self.patience:
                idle, steps = 0, steps + 1
        return max(self.gamma**steps, self.final)
