"""What is made once in a session of tests, however many workers it has."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def controller() -> int:
    """The process that lives as long as the session."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def once(tmp_path_factory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that ``make(folder)``, which finds it empty, has filled in this worker or another. It is only read."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder, made = root / name, root / f".{name}.made"
    with open(root / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.touch()
    return folder
