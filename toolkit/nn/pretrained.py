"""A switch that stops constructors from reading published weights, for networks that get other weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_reads: ContextVar[bool] = ContextVar("reads", default=True)


def reads_weights() -> bool:
    """Whether constructors read the weights that their arguments name."""
    return _reads.get()


@contextmanager
def without_weights() -> Iterator[None]:
    """Networks constructed inside get random weights, even if their arguments name weights.

    Example::

        with without_weights():
            GE2E(weights="resemblyzer")  # needs no file
    """
    token = _reads.set(False)
    try:
        yield
    finally:
        _reads.reset(token)
