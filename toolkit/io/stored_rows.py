"""Many vectors: in memory while they are few, else in a temporary file, which is read and written by rows."""

import os
import tempfile
from collections.abc import Iterator

import numpy as np

_MOST_BYTES = 1 << 26  # in memory
_MOST_ROWS = 1 << 14  # read at once


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
        self.shape = (count, size)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the rows are used
        os.posix_fallocate(self._file.fileno(), 0, max(1, 4 * count * size))  # a full disk shows here, not later

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index) -> np.ndarray:
        places, of_place = np.unique(self._places(index), return_inverse=True)
        rows = np.empty((len(places), self.shape[1]), np.float32)
        for part, offset in self._runs(places):
            os.preadv(self._file.fileno(), [rows[part].data], offset)
        return rows[of_place]

    def __setitem__(self, index, rows: np.ndarray) -> None:
        places = self._places(index)
        order = np.argsort(places, kind="stable")
        places, rows = places[order], np.ascontiguousarray(rows[order], np.float32)
        for part, offset in self._runs(places):
            os.pwritev(self._file.fileno(), [rows[part].data], offset)

    def parts(self) -> Iterator[tuple[int, np.ndarray]]:
        """All rows, in parts of half of what is kept in memory: the place of the first row, and the rows."""
        step = max(1, _MOST_BYTES // (8 * self.shape[1]))
        for start in range(0, len(self), step):
            yield start, self[start : start + step]

    def _places(self, index) -> np.ndarray:
        return np.arange(*index.indices(len(self))) if isinstance(index, slice) else index

    def _runs(self, places: np.ndarray) -> Iterator[tuple[slice, int]]:
        """Parts of ``places`` that are consecutive, and their offset in the file."""
        if not len(places):
            return
        is_first = (np.diff(places, prepend=-2) != 1) | (np.arange(len(places)) % _MOST_ROWS == 0)
        starts = np.flatnonzero(is_first)
        ends, offsets = np.append(starts[1:], len(places)), 4 * self.shape[1] * places[starts]
        for start, end, offset in zip(starts.tolist(), ends.tolist(), offsets.tolist(), strict=True):
            yield slice(start, end), offset
