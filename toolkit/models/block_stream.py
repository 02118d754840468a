"""Networks that read whole blocks of samples, on pieces of any length; imports no torch."""

import math
from collections.abc import Callable

import numpy as np

ENDLESS = 2.0**30  # samples left in a recording, before its end is known


class BlockStream:
    """Pieces in, pieces out, of a network that reads whole blocks and gives each sample ``delay`` samples later.

    Args:
        step: the next samples (k block,) float32, and of the last ones how many belong to the recording (else None) ->
            as many output samples, of the time ``delay`` samples before.
        block: samples of a block.
        delay: samples of output before the first one of the recording.

    Attributes:
        latency: algorithmic latency in samples: a block and the delay, if the network itself looks no further.

    Example::

        stream = BlockStream(lambda samples, left: samples, block=256, delay=0)
        np.concatenate([stream.process(np.ones(300)), stream.flush()])  # 300 samples
    """

    def __init__(self, step: Callable[[np.ndarray, int | None], np.ndarray], block: int, delay: int):
        self.latency, self._step, self._block, self._delay = block + delay, step, block, delay
        self._waiting = np.zeros(0, np.float32)
        self._heard = self._made = 0  # samples that came in; samples that came out of ``step``

    def process(self, chunk: np.ndarray) -> np.ndarray:
        """(N,) float32 samples -> (M,) output samples that are complete."""
        self._heard += len(chunk)
        return self._advance(chunk)

    def flush(self) -> np.ndarray:
        """The rest of the output (M,): with those before as many samples as came in."""
        blocks = math.ceil((self._heard + self._delay) / self._block)
        rest = max(self._made - self._delay, 0)
        padding = np.zeros(blocks * self._block - self._made - len(self._waiting), np.float32)
        return self._advance(padding, len(self._waiting))[: self._heard - rest]

    def _advance(self, chunk: np.ndarray, left: int | None = None) -> np.ndarray:
        known = np.concatenate([self._waiting, chunk])
        end = len(known) // self._block * self._block
        self._waiting = known[end:]
        if not end:
            return self._waiting[:0]
        before, self._made = self._made, self._made + end
        return self._step(known[:end], left)[max(0, self._delay - before) :]
