"""The index of a large C-sorted table: where every 64th line begins. Kept beside the table, as ``.wav.scp.index``."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.text import blocks, is_rare, is_utf8

ROWS = 64  # lines from one entry of the index to the next
_LONGEST_ID = 255  # bytes
_MAGIC = b"voxsift table index 2\n"
_MASKS = np.array([(2**64 - 1) << (64 - 8 * n) & (2**64 - 1) for n in range(9)], np.uint64)  # the first n of 8 bytes
# Digits in ASCII: their common high half, eight of them; six more than nine has another.
_HIGH, _ZEROS, _SIX = (np.uint64(0x0101010101010101 * byte) for byte in (0xF0, 0x30, 0x06))
_MOST_DIGITS = 18
_WORDS = 4  # of 8 bytes, that are copied at once
_SAMPLES, _SAMPLE_BYTES = 16, 1 << 12  # blocks of a table that identify its content


@dataclass(frozen=True)
class TableIndex:
    """Where the lines of a table are.

    Attributes:
        table: identity of the table's content, see :func:`_identity`.
        ids: digest of all ids; equal for tables of the same ids.
        count: N.
        starts: (G + 1,) int64, byte at which every 64th line begins; the last is the size.
        firsts: (G,) bytes, the ids of these lines.
    """

    table: str
    ids: str
    count: int
    starts: np.ndarray
    firsts: np.ndarray

    def to_bytes(self) -> bytes:
        """The content of an index file: a head in JSON, the arrays, a digest of all."""
        head = {"table": self.table, "ids": self.ids, "count": self.count, "width": self.firsts.dtype.itemsize}
        parts = [_MAGIC, json.dumps(head).encode(), b"\n", self.starts.tobytes(), self.firsts.tobytes()]
        content = b"".join(parts)
        return content + hashlib.blake2b(content, digest_size=16).digest()

    @classmethod
    def from_bytes(cls, content: bytes) -> "TableIndex":
        """Inverse of :meth:`to_bytes`. Raises ValueError for any other content."""
        content, digest = content[:-16], content[-16:]
        if not content.startswith(_MAGIC) or hashlib.blake2b(content, digest_size=16).digest() != digest:
            raise ValueError("not an index")
        line, _, arrays = content[len(_MAGIC) :].partition(b"\n")
        head = json.loads(line)
        groups = -(-int(head["count"]) // ROWS)
        starts = np.frombuffer(arrays, np.int64, groups + 1)
        firsts = np.frombuffer(arrays, f"S{int(head['width'])}", groups, starts.nbytes)
        if starts[0] != 0 or (np.diff(starts) <= 0).any():
            raise ValueError("places out of order")
        return cls(head["table"], head["ids"], int(head["count"]), starts, firsts)


def open_index(path: Path, handle: int) -> "TableIndex | None":
    """The index of an open table; read or made. None if the table is not C-sorted, or has a fault.

    Args:
        path: the table.
        handle: a file descriptor of it.

    Raises:
        InputError: the table cannot be read.
    """
    table = _identity(handle)
    index = _kept(path, table) or _build(path, table)
    unchanged = _identity(handle) == table and os.path.samestat(os.fstat(handle), os.stat(path))
    return index if unchanged else None


def _identity(handle: int) -> str:
    """Identity of an open table: size, time, and the content of 16 blocks."""
    status = os.fstat(handle)
    digest = hashlib.blake2b(f"{status.st_size} {status.st_mtime_ns}".encode(), digest_size=16)
    last = max(0, status.st_size - _SAMPLE_BYTES)
    for i in range(_SAMPLES):
        digest.update(os.pread(handle, _SAMPLE_BYTES, last * i // (_SAMPLES - 1)))
    return digest.hexdigest()


def _index_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.index")


def _kept(path: Path, table: str) -> TableIndex | None:
    """The index beside a table; None if it is missing, damaged or of another content."""
    try:
        if not _index_path(path).is_file():
            return None
        index = TableIndex.from_bytes(_index_path(path).read_bytes())
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return index if index.table == table and index.starts[-1] == path.stat().st_size else None


def _build(path: Path, table: str) -> TableIndex | None:
    """Read a table once, and keep its index; None if it is not C-sorted or has a fault."""
    index = _scan(path, table)
    if index is not None:
        with suppress(OSError, InputError), replacing(_index_path(path), "wb") as file:  # the folder may be read-only
            file.write(index.to_bytes())
    return index


def _scan(path: Path, table: str) -> TableIndex | None:
    """The index of a table; None if it is not C-sorted, or a line is malformed."""
    size, end = path.stat().st_size, 0
    count, last = 0, b""
    starts, firsts = [], []
    digests = _Digests()
    for _, block in blocks(path, checked=False):
        lines = Lines.of(block) if is_utf8(block) else None
        if lines is None or not lines.is_sorted(last, digests):
            return None
        rows = slice(-count % ROWS, None, ROWS)
        if len(lines.starts[rows]):
            firsts.append(lines.keys_at(rows))
        starts.append(end + lines.starts[rows])
        last = lines.key(len(lines) - 1)
        count, end = count + len(lines), end + len(block)
    # Line ends of DOS, a byte order mark: the places are not those of the file.
    if end not in (size, size + 1) or (end == size + 1) != _ends_within_a_line(path):
        return None
    places = np.concatenate([*starts, [size]]).astype(np.int64)
    return TableIndex(table, digests.hexdigest(), count, places, np.concatenate(firsts))


def _ends_within_a_line(path: Path) -> bool:
    with open(path, "rb") as handle:
        handle.seek(-1, os.SEEK_END)
        return handle.read(1) != b"\n"


def _of_digits(words: np.ndarray) -> np.ndarray:
    """Words of 8 decimal digits in ASCII -> their numbers, int64: pairs of digits at once, pairs of these, of those."""
    for bits, mask in ((8, 0x000F000F000F000F), (16, 0x000000FF000000FF), (32, 0x000000000000FFFF)):
        words = (words >> bits & mask) * 10 ** (bits // 8) + (words & mask)
    return words.astype(np.int64)


def _sha1():
    return hashlib.sha1(usedforsecurity=False)  # the fastest one on processors with and without instructions for it


class _Digests:
    """A digest of ids that does not depend on how the table is divided into blocks."""

    def __init__(self):
        self._lengths, self._words = _sha1(), {}

    def update(self, lengths: np.ndarray) -> None:
        """Add the lengths of some ids in bytes (n,)."""
        self._lengths.update(lengths.astype(np.uint8).tobytes())

    def update_words(self, level: int, words: np.ndarray) -> None:
        """Add 8 bytes, from ``8 * level`` on, of the ids that are longer."""
        self._words.setdefault(level, _sha1()).update(words.tobytes())

    def hexdigest(self) -> str:
        """32 hex digits."""
        parts = [self._lengths.digest(), *(self._words[level].digest() for level in sorted(self._words))]
        return hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Lines:
    """The n lines of a block, ``key value``.

    Attributes:
        block: the bytes.
        starts, lengths: (n,) place and number of bytes of each key.
        ends: (n,) place of each line end.
    """

    block: bytes
    starts: np.ndarray
    lengths: np.ndarray
    ends: np.ndarray

    @classmethod
    def of(cls, block: bytes) -> "Lines | None":
        """The lines of a block that ends with a line end; None if one lacks key or value, or begins with a blank.

        None, too, if the block holds a refused character (see toolkit.io.text).
        """
        data = np.frombuffer(block, np.uint8)
        marks = np.flatnonzero(data <= 32)
        blanks, ends = marks[::2], marks[1::2]
        kinds = data[blanks]
        if len(blanks) != len(ends) or not ((data[ends] == 10) & ((kinds == 32) | (kinds == 9))).all():
            return cls._of_any(block, data)
        starts = np.concatenate([[0], ends[:-1] + 1])
        lengths = blanks - starts
        if not ((lengths > 0) & (lengths <= _LONGEST_ID) & (ends - blanks > 1)).all():
            return None
        return cls(block, starts, lengths, ends)

    @classmethod
    def _of_any(cls, block: bytes, data: np.ndarray) -> "Lines | None":
        """As :meth:`of`, for values with blanks."""
        if is_rare(block):
            return None
        ends = np.flatnonzero(data == 10)
        starts = np.concatenate([[0], ends[:-1] + 1])
        blanks = np.flatnonzero((data == 32) | (data == 9))
        blanks = np.append(blanks, len(data))[np.searchsorted(blanks, starts)]
        lengths = blanks - starts
        if not ((lengths > 0) & (lengths <= _LONGEST_ID) & (blanks < ends)).all():
            return None
        rare = np.isin(data[blanks + 1], (9, 10, 32))
        if any(not block[a:b].strip() for a, b in zip(blanks[rare].tolist(), ends[rare].tolist(), strict=True)):
            return None
        return cls(block, starts, lengths, ends)

    def __len__(self) -> int:
        return len(self.starts)

    def key(self, row: int) -> bytes:
        """The id of a line."""
        return self.block[self.starts[row] : self.starts[row] + self.lengths[row]]

    def keys_at(self, rows: slice) -> np.ndarray:
        """The ids of some lines (n,) bytes."""
        words = np.stack([*self.words(self.starts[rows], self.lengths[rows])], axis=1)
        return words.astype(">u8").view(f"S{8 * words.shape[1]}")[:, 0]

    def is_sorted(self, before: bytes, digests: _Digests) -> bool:
        """Whether the keys are in C order, without duplicates, after the key ``before``; adds them to ``digests``."""
        digests.update(self.lengths)
        equal = np.ones(len(self) - 1, bool)  # whether this row and the next are equal so far
        for level, words in enumerate(self.words(self.starts, self.lengths)):
            longer = self.lengths > 8 * level
            digests.update_words(level, words if longer.all() else words[longer])
            if (equal & (words[:-1] > words[1:])).any():
                return False
            equal &= words[:-1] == words[1:]
        return not equal.any() and before < self.key(0)

    def values(self) -> tuple[np.ndarray, np.ndarray]:
        """First and last + 1 byte of each value (n,), with the blanks around it."""
        return self.starts + self.lengths + 1, self.ends

    def whole_numbers(self) -> np.ndarray | None:
        """The values (n,) int64, if all are whole numbers from 1 of at most 18 digits; else None."""
        first, end = self.values()
        lengths = end - first
        levels, data = -(-int(lengths.max()) // 8), np.frombuffer(self.block, np.uint8)
        if lengths.max() > _MOST_DIGITS or (data[first] == ord("0")).any():
            return None
        numbers, padded = np.zeros(len(self), np.int64), bytes(8 * levels) + self.block
        view = np.ndarray((len(self.block) + 8 * levels - 7,), "S8", padded, strides=(1,))
        for level in range(levels):  # the last 8 digits of each, the 8 before them, ...
            words = view[end + 8 * (levels - 1 - level)].view(">u8").astype(np.uint64)
            outside = _MASKS[8 - np.clip(lengths - 8 * level, 0, 8)]
            words = words & ~outside | _ZEROS & outside
            if ((words & _HIGH) + (((words + _SIX) & _HIGH) >> 4) != _ZEROS | _ZEROS >> 4).any():
                return None
            numbers += 10 ** (8 * level) * _of_digits(words)
        return numbers

    def words(self, starts: np.ndarray, lengths: np.ndarray) -> Iterator[np.ndarray]:
        """Parts of the block as numbers in the order of their bytes: 8 bytes of each part (n,), the next 8, ..."""
        levels, least = -(-int(lengths.max(initial=0)) // 8), int(lengths.min(initial=0))
        for first in range(0, levels, _WORDS):
            width = min(_WORDS, levels - first)
            view = np.ndarray((len(self.block) + 1,), f"S{8 * width}", self._padded, strides=(1,))
            places = np.minimum(starts + 8 * first, len(self.block)) if first else starts
            copied = view[places].view(">u8").reshape(-1, width)
            for level, words in enumerate(np.ascontiguousarray(copied.T, np.uint64), first):
                yield words if least >= 8 * (level + 1) else words & _MASKS[np.clip(lengths - 8 * level, 0, 8)]

    @cached_property
    def _padded(self) -> bytes:
        return self.block + bytes(8 * _WORDS)
