"""Files that are either whole or absent: written aside, synced, renamed."""

import errno
import os
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path, mode: str = "w"):
    """Open a file aside of ``path``; on success it takes the place of ``path``, on error it is removed.

    Args:
        path: final place; its folder is made when missing.
        mode: ``"w"`` (text, UTF-8) or ``"wb"``.
    """
    with replacing_path(path) as aside, open(aside, mode, encoding=None if "b" in mode else "utf-8") as handle:
        yield handle
        handle.flush()
        os.fsync(handle.fileno())


@contextmanager
def replacing_path(path):
    """As :func:`replacing`, for writers that want a path: yields the aside path (same folder and suffix)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: audio and figure writers choose the format by it.
    aside = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield aside
        os.replace(aside, path)
    except OSError as error:
        # Name the file that is wanted: a write to a full disk names none, others name the one aside.
        full = error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        if full or str(error.filename) == str(aside):
            error.filename = str(path)
        raise
    finally:
        aside.unlink(missing_ok=True)
