"""Which part of a training step takes how long: ``--trainer.profile true``."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

REMEDIES = {
    "data": "loading the data; raise trainer.workers, or render the mixtures (stage 3) or the features (stage 4) once",
    "forward": "the network and its loss; try trainer.precision bf16, shorter crops, or more GPUs",
    "backward": "the gradient; try trainer.precision bf16, a larger batch, or more GPUs",
    "update": "the optimizer; try a larger batch, or an optimizer with less state",
    "checkpoint": "writing checkpoints; raise trainer.checkpoint_minutes, or use a faster disk",
}


class StepTimes:
    """Sums the time of the parts of steps, and names the slowest part.

    Args:
        enabled: False: nothing is measured.
        wait: waits for the device to finish, so that its time counts for the part that started the work.

    Example::

        times = StepTimes()
        with times.part("forward"):
            loss = network(batch)
        times.log(epoch=1)
    """

    def __init__(self, enabled: bool = True, wait: Callable[[], object] = lambda: None):
        self.enabled, self._wait = enabled, wait
        self._seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time a part of ``REMEDIES``."""
        if not self.enabled:
            yield
            return
        self._wait()
        began = perf_counter()
        yield
        self._wait()
        self.add(name, perf_counter() - began)

    def add(self, name: str, seconds: float) -> None:
        """Add seconds that were measured elsewhere."""
        self._seconds[name] += seconds

    def summary(self) -> str:
        """Shares of the parts, slowest first, and the remedy for the slowest; empty if nothing was measured."""
        total = sum(self._seconds.values())
        if not total:
            return ""
        slowest = sorted(self._seconds.items(), key=lambda part: -part[1])
        shares = ", ".join(f"{name} {100 * seconds / total:.0f} %" for name, seconds in slowest)
        return f"{shares}. Most time goes into {REMEDIES[slowest[0][0]]}"

    def log(self, epoch: int) -> None:
        """Log the summary of an epoch, and begin anew."""
        if self.enabled and (summary := self.summary()):
            logging.info("profile of epoch %d: %s", epoch, summary)
        self._seconds.clear()
