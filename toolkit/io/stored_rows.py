"""Many vectors: in memory while they are few, else in a temporary file, which is read and written by rows."""

import mmap
import os
import tempfile
from collections.abc import Iterator

import numpy as np

_MOST_BYTES = 1 << 26  # in memory


def room_for_rows(count: int, size: int) -> "np.ndarray | StoredRows":
    """Room for (count, size) float32: an array, or a file in the temporary folder; an array if that folder is full."""
    if 4 * count * size > _MOST_BYTES:
        try:
            return StoredRows(count, size)
        except OSError:
            pass
    return np.empty((count, size), np.float32)


class StoredRows:
    """(N, D) float32 in a temporary file. An index is a slice or (n,) places; what it gives is an array.

    Raises:
        OSError: there is no space for the file.

    Example::

        rows = StoredRows(1_000_000, 192)
        rows[:2] = np.ones((2, 192), np.float32)
        rows[np.array([1, 0, 1])]  # (3, 192)
    """

    def __init__(self, count: int, size: int):
        self.shape, length = (count, size), max(1, 4 * count * size)
        with tempfile.TemporaryFile() as file:
            os.posix_fallocate(file.fileno(), 0, length)  # a full disk shows here, not later
            self._mapped = mmap.mmap(file.fileno(), length)
        self._rows = np.ndarray(self.shape, np.float32, self._mapped)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index) -> np.ndarray:
        rows = self._rows[self._places(index)]
        self._release()
        return rows

    def __setitem__(self, index, rows: np.ndarray) -> None:
        self._rows[index] = rows
        self._release()

    def parts(self) -> Iterator[tuple[int, np.ndarray]]:
        """All rows, in parts of half of what is kept in memory: the place of the first row, and the rows."""
        for start in range(0, len(self), self.part_rows):
            yield start, self[start : start + self.part_rows]

    @property
    def part_rows(self) -> int:
        """Rows of a part."""
        return max(1, _MOST_BYTES // (8 * self.shape[1]))

    def _places(self, index) -> np.ndarray:
        return np.arange(*index.indices(len(self))) if isinstance(index, slice) else index  # a copy, not a view

    def _release(self) -> None:
        """Give up the pages that were read or written; the file has them."""
        self._mapped.madvise(mmap.MADV_DONTNEED)
