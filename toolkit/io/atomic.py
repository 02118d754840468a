"""Atomic writes: a file is complete or absent. Written to a temporary name, synced, renamed."""

import errno
import os
import re
import shutil
import stat
import tempfile
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from toolkit.io.errors import InputError

LEFT_BY_THE_KILLED = re.compile(r"\..+\.\d+\.tmp(\.\w+)?")  # name of a temporary file
_STREAMS = (stat.S_IFIFO, stat.S_IFCHR)  # written directly, never replaced


@contextmanager
def replacing(path, mode: str = "w"):
    """Open a temporary file beside ``path``. On success it is renamed to ``path``; on error it is removed.

    Args:
        path: final place. A missing folder is created, and removed on error. Links are followed. A FIFO, a terminal or
            another character device is written to directly.
        mode: ``"w"`` (text, UTF-8) or ``"wb"``.

    Raises:
        InputError: ``path`` is a socket or a block device.
    """
    with replacing_path(path) as aside, open(aside, mode, encoding=None if "b" in mode else "utf-8") as handle:
        yield handle
        handle.flush()
        os.fsync(handle.fileno())


@contextmanager
def replacing_path(path):
    """As :func:`replacing`, for writers that need a path: yields the temporary path (same suffix)."""
    path = Path(path)
    kind = _kind(path)
    if kind == stat.S_IFDIR or path.name in ("", ".."):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if kind not in (None, stat.S_IFREG, *_STREAMS):
        raise InputError(f"{path}: the output must be a file, a FIFO or a terminal, not a socket or a block device")
    # /dev/stdout and /dev/fd/1 may be a file that the shell holds open: a rename would not reach it.
    held = path.parent == Path("/dev") or path.parent.resolve().is_relative_to("/proc")
    streams = kind in _STREAMS or (held and kind == stat.S_IFREG)
    final = Path(os.path.realpath(path))
    with tempfile.TemporaryDirectory() if streams else nullcontext(final.parent) as folder:
        new_folders = [path for path in (Path(folder), *Path(folder).parents) if not path.exists()]
        Path(folder).mkdir(parents=True, exist_ok=True)
        # Keep the suffix last: audio and figure writers choose the format by it.
        aside = Path(folder) / f".{final.stem}.{random_number()}.tmp{path.suffix}"
        try:
            yield aside
            if streams:
                with open(aside, "rb") as source, open(path, "ab") as stream:
                    shutil.copyfileobj(source, stream)
            else:
                os.replace(aside, final)
            new_folders = []
        except OSError as error:
            # Name the final file: "disk full" errors name no file, others name the temporary one.
            full = error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            if full or str(error.filename) == str(aside):
                error.filename = str(path)
            raise
        finally:
            with suppress(OSError):  # the first error is the one to report
                aside.unlink()
            with suppress(OSError):  # another process may have put a file there
                for new_folder in new_folders:
                    new_folder.rmdir()


def random_number() -> int:
    """For the name of a temporary file: in a shared folder, others must not foresee it and put a link there."""
    return int.from_bytes(os.urandom(6), "little")


def _kind(path: Path) -> int | None:
    """File type at a path, links followed; None if nothing is there."""
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        return None
