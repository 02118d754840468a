"""Whether a network that is built reads its published weights: not where other weights are loaded afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_reads: ContextVar[bool] = ContextVar("reads", default=True)


def reads_weights() -> bool:
    """What a constructor asks before it reads weights that its arguments name."""
    return _reads.get()


@contextmanager
def without_weights() -> Iterator[None]:
    """Networks built inside have random weights, even if their arguments name weights.

    Example::

        with without_weights():
            GE2E(weights="resemblyzer")  # needs no file
    """
    token = _reads.set(False)
    try:
        yield
    finally:
        _reads.reset(token)
