"""Digests of recordings that do not depend on folder, file time or ark."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from toolkit.io.errors import InputError

_IN_ARK = re.compile(r"(.+):(\d{1,18})")
_WHOLE = 1 << 16  # bytes: smaller entries are read whole, of larger ones _BLOCKS blocks
_BLOCKS, _BLOCK = 16, 1 << 12


def _place(value: str) -> tuple[str, int] | None:
    """File and offset of a scp value; None for a command and for ``*UTT SPEAKER``, which is not a file."""
    if value.startswith("*") or value.endswith("|"):
        return None
    in_ark = _IN_ARK.fullmatch(value)
    return (in_ark[1], int(in_ark[2])) if in_ark else (value, 0)


def recordings(table: Mapping[str, str]) -> dict[str, bytes]:
    """Id -> digest of its recording.

    Flac: the MD5 of the samples, from the header. Other audio and features: size and content; above 64 KiB the content
    of 16 blocks.

    Raises:
        InputError: a file is missing or not a regular file.
    """
    digests: dict[str, bytes] = {}
    files: dict[str, dict[int, list[str]]] = {}
    for key, value in table.items():
        if (place := _place(value)) is None:
            digests[key] = value.encode()
        else:
            files.setdefault(place[0], {}).setdefault(place[1], []).append(key)
    for path, entries in files.items():
        starts = sorted(entries)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise InputError(f"{entries[starts[0]][0]}: {path}: must be a regular file")
            with open(path, "rb", buffering=0) as handle:
                # An ark entry is followed by the next id and a space.
                ends = [later - len(entries[later][0].encode()) - 1 for _, later in pairwise(starts)]
                for start, end in zip(starts, [*ends, os.fstat(handle.fileno()).st_size], strict=True):
                    digest = _digest(handle.fileno(), start, end)
                    digests |= dict.fromkeys(entries[start], digest)
        except FileNotFoundError:
            raise InputError(f"{entries[starts[0]][0]}: {path}: file not found; run the stage that writes it") from None
    return digests


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
