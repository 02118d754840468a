"""Waiting for what other processes do."""

import time
from pathlib import Path

import pytest


def wait_for(condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.02)
    pytest.fail("waited in vain")


def processes_in(folder: Path) -> list[str]:
    """Ids of the processes that work in a folder."""
    actual = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if folder.resolve() in (path := entry.resolve(), *path.parents):
                actual.append(entry.parent.name)
        except OSError:  # it has ended meanwhile, or is of another user
            continue
    return actual
