"""What tests call in another process; it is found there by its module's name."""

import os
import signal
import threading

LOCK = threading.Lock()


def crash(*_):
    """As PESQ ends on more than some 50 stretches of speech, silently."""
    os.kill(os.getpid(), signal.SIGKILL)


def is_free() -> bool:
    """Can ``LOCK`` be had?"""
    return LOCK.acquire(timeout=1)
