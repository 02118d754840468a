"""Digests of recordings that do not depend on folder, file time or ark."""

import hashlib
import os
import re
import stat
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.io.datadir import values_of
from toolkit.io.errors import InputError

_IN_ARK = re.compile(r"(.+):(\d{1,18})")
_WHOLE = 1 << 16  # bytes: smaller entries are read whole, of larger ones _BLOCKS blocks
_BLOCKS, _BLOCK = 16, 1 << 12
_MOST_OPEN = 64  # files


def _place(value: str) -> tuple[str, int] | None:
    """File and offset of a scp value; None for a command and for ``*UTT SPEAKER``, which is not a file."""
    if value.startswith("*") or value.endswith("|"):
        return None
    in_ark = _IN_ARK.fullmatch(value)
    return (in_ark[1], int(in_ark[2])) if in_ark else (value, 0)


def recordings(table: Mapping[str, str], ids: Sequence[str]) -> Iterator[bytes | None]:
    """Digests of the recordings of ``ids``, None for those that the table lacks; memory: 14 bytes an id.

    Flac: the MD5 of the samples, from the header. Other audio and features: size and content; above 64 KiB the content
    of 16 blocks.

    Raises:
        InputError: a file is missing or not a regular file.
    """
    files, file, start, length = _places(table, ids)
    order = np.lexsort((start, file))
    is_new = (np.diff(file[order], prepend=-2) != 0) | (np.diff(start[order], prepend=-1) != 0)
    firsts = np.append(order[is_new], 0)  # a row of each distinct place
    following = np.empty(len(order), np.int32)  # row of the next place
    following[order] = firsts[np.cumsum(is_new)]
    with _Handles() as handles:
        for row, (key, value) in enumerate(zip(ids, values_of(table, ids), strict=True)):
            if value is None or file[row] < 0:
                yield None if value is None else value.encode()
                continue
            handle, later = handles.get(files[file[row]], key), following[row]
            # An ark entry is followed by the next id and a space.
            is_last = file[later] != file[row] or start[later] <= start[row]
            end = os.fstat(handle).st_size if is_last else int(start[later]) - int(length[later]) - 1
            yield _digest(handle, int(start[row]), end)


def _places(table: Mapping[str, str], ids: Sequence[str]) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Files, and of each id the number of its file (-1: it names no file), its offset, and its length in bytes."""
    number: dict[str, int] = {}
    file, start, length = array("i"), array("q"), array("h")
    for key, value in zip(ids, values_of(table, ids), strict=True):
        place = None if value is None else _place(value)
        file.append(-1 if place is None else number.setdefault(place[0], len(number)))
        start.append(0 if place is None else place[1])
        length.append(min(len(key.encode()), 1 << 14))
    return list(number), np.array(file), np.array(start), np.array(length)


class _Handles:
    """Files, opened when they are first used; of many, the oldest is closed."""

    def __init__(self):
        self._open: dict[str, int] = {}

    def __enter__(self) -> "_Handles":
        return self

    def __exit__(self, *error) -> None:
        for handle in self._open.values():
            os.close(handle)

    def get(self, path: str, key: str) -> int:
        """The descriptor of a file. Raises InputError, which names the id ``key``, if it is missing or not regular."""
        if path not in self._open:
            try:
                if not stat.S_ISREG(os.stat(path).st_mode):
                    raise InputError(f"{key}: {path}: must be a regular file")
                if len(self._open) == _MOST_OPEN:
                    os.close(self._open.pop(next(iter(self._open))))
                self._open[path] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise InputError(f"{key}: {path}: file not found; run the stage that writes it") from None
        return self._open[path]


def _digest(handle: int, start: int, end: int) -> bytes:
    """Digest of the bytes ``start .. end`` of an open file."""
    head = os.pread(handle, 512, start)
    audio = head[6 + head[5] :] if head.startswith(b"AUDIO") and len(head) > 5 else head
    if audio.startswith(b"fLaC") and any(audio[26:42]):
        return audio[18:42]  # rate, channels, bits, number of samples; MD5
    size = max(0, end - start)
    if size <= _WHOLE:
        parts = [os.pread(handle, size, start)]
    else:
        parts = [os.pread(handle, _BLOCK, start + (size - _BLOCK) * i // (_BLOCKS - 1)) for i in range(_BLOCKS)]
    return hashlib.blake2b(b"".join([size.to_bytes(8, "little"), *parts]), digest_size=16).digest()


def states(table: Mapping[str, str]) -> Iterator[str]:
    """Path, size and time of every file that a table of scp values names: a cheap check for changes."""
    for path in sorted({place[0] for value in table.values() if (place := _place(value))}):
        if Path(path).exists():
            status = os.stat(path)
            yield f"{path} {status.st_size} {status.st_mtime_ns}"


def file_digest(path) -> str:
    """Digest of a file's content."""
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
