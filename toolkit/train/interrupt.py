"""Ctrl-C, SIGTERM and SIGUSR1 in training: recorded, so that the loop can write a checkpoint between two steps."""

import logging
import os
import signal
import subprocess
import threading
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)  # Slurm warns of the end of a job by SIGUSR1 (--signal)


class StopSignal:
    """A context that records the first of these signals in ``received``; a second one has its normal effect."""

    def __init__(self):
        self.received: signal.Signals | None = None
        self._enabled = threading.current_thread() is threading.main_thread()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
        if self._enabled:
            self._before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, *error) -> None:
        self._restore()

    def _note(self, number: int, frame) -> None:
        self.received = signal.Signals(number)
        logging.warning("%s: stopping after this step", self.received.name)
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def end(self) -> None:
        """End the program as the signal would; by SIGUSR1, the first process has Slurm queue the job again."""
        if self.received == signal.SIGUSR1 and os.environ.get("RANK", "0") == "0":
            requeue()
        if self.received in (None, signal.SIGINT):
            raise KeyboardInterrupt
        raise SystemExit(128 + self.received)


def requeue() -> None:
    """Have Slurm queue the job of this process again, if there is one. A refusal is a warning."""
    if not (job := os.environ.get("SLURM_JOB_ID")):
        return
    try:
        done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, timeout=60)
        refusal = f"scontrol: {done.stderr.strip()}" if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        refusal = str(error)
    if refusal:
        logging.warning("Slurm does not queue job %s again (%s)", job, refusal)
    else:
        logging.warning("Slurm queues job %s again, which continues this training", job)
