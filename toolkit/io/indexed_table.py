"""Large tables of data dirs, read from disk by id: some megabytes of memory, whatever the number of lines.

A table that is C-sorted, as data dirs are, is not loaded: its index (toolkit.io.table_index) tells which 64 lines may
hold an id, and one short read finds it. Processes share the file.
"""

import os
import weakref
from collections.abc import ItemsView, Iterator, Mapping, Sequence, ValuesView
from itertools import islice
from pathlib import Path

import numpy as np

from toolkit.io.errors import InputError
from toolkit.io.table_index import ROWS, Lines, TableIndex, open_index
from toolkit.io.text import columns_of, fields

LEAST_BYTES = 1 << 22  # of an indexed table; a smaller one is read into a dict, which is faster
_GROUPS_READ = 256  # at a time, when all lines are read


def indexed_table(path) -> "IndexedTable | None":
    """A large table, opened by its index. None: read it into memory, because it is small, not C-sorted or malformed.

    Raises:
        InputError: the table cannot be read.
    """
    path = Path(path)
    try:
        if not path.is_file() or os.stat(path).st_size < LEAST_BYTES:
            return None
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (OSError, ValueError):  # the reader into memory reports it
        return None
    index = None
    try:
        index = open_index(path, handle)
    finally:
        if index is None:
            os.close(handle)
    return None if index is None else IndexedTable(path, index, handle)


class IndexedTable(Mapping[str, str]):
    """A C-sorted table on disk. Made by :func:`indexed_table`; can be pickled, and read by forked processes.

    Example::

        table = read_table("dump/raw/train/wav.scp")  # an IndexedTable from some megabytes on
        value = table["id10270-00001"]
    """

    def __init__(self, path: Path, index: TableIndex, handle: int):
        self.path, self._index, self._handle = path, index, handle
        self._number, self._lines = -1, b""  # the group of lines that was read last
        self._group: dict[str, str] = {}  # these lines, once several of them are read
        weakref.finalize(self, os.close, handle)

    def __reduce__(self):
        return _reopened, (self.path, self._index.table)

    def __repr__(self) -> str:
        return f"IndexedTable({self._index.table})"  # tells contents apart

    def __len__(self) -> int:
        return self._index.count

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self._rows())

    def __getitem__(self, key: str) -> str:
        if (value := self._group.get(key)) is not None:
            return value
        word = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else b""
        firsts = self._index.firsts
        if not 0 < len(word) <= firsts.dtype.itemsize:
            raise KeyError(key)
        number = int(np.searchsorted(firsts, np.array(word, firsts.dtype), "right")) - 1
        if number < 0:
            raise KeyError(key)
        if number == self._number:  # ids are often read in order
            return self._read_group(number)[key]
        self._lines, self._number, self._group = self._read(number, number + 1), number, {}
        return self._line(key, word)

    def _line(self, key: str, word: bytes) -> str:
        """The value of a key by the lines that were read last."""
        start = 0 if self._lines.startswith(word) else self._lines.find(b"\n" + word) + 1
        # The lines are sorted: of all keys that begin with a word, the word itself comes first.
        line = self._lines[start : self._lines.find(b"\n", start) + 1]
        return dict(self._parsed(line))[key]

    def items(self) -> ItemsView[str, str]:
        """As of a dict, in the order of the lines."""
        return _Items(self)

    def values(self) -> ValuesView[str]:
        """As of a dict, in the order of the lines."""
        return _Values(self)

    def ids(self) -> "Ids":
        """All ids, C-sorted."""
        return Ids(self)

    def has_ids_of(self, other: "IndexedTable") -> bool:
        """Whether another table has the same ids."""
        return self._index.ids == other._index.ids

    def key_at(self, row: int) -> str:
        """The id of a line, counted from 0."""
        number, place = divmod(row, ROWS)
        return next(islice(self._read_group(number), place, None))

    def counts(self) -> np.ndarray | None:
        """The values as float64 (N,), if all are whole numbers from 1 of at most 18 digits; else None."""
        numbers, at = np.empty(len(self)), 0
        for lines in self._chunks():
            if (part := lines.whole_numbers()) is None:
                return None
            numbers[at : at + len(part)] = part
            at += len(part)
        return numbers

    def labels(self) -> tuple[list[str], np.ndarray]:
        """The distinct values, C-sorted, and the index of each line's (N,) int32."""
        labels, at = np.empty(len(self), np.int32), 0
        number: dict[bytes, int] = {}
        for lines in self._chunks():
            first, end = lines.values()
            new = np.ones(len(lines), bool)  # a value other than the one before: most are the same
            new[1:] = np.diff(end - first) != 0
            for words in lines.words(first, end - first):
                new[1:] |= words[1:] != words[:-1]
            runs = np.flatnonzero(new)
            values = (lines.block[a:b].strip(b" \t") for a, b in zip(first[runs], end[runs], strict=True))
            numbers = [number.setdefault(value, len(number)) for value in values]
            labels[at : at + len(lines)] = np.repeat(numbers, np.diff(np.append(runs, len(lines))))
            at += len(lines)
        names = sorted(number)
        order = np.empty(len(names), np.int32)
        order[[number[name] for name in names]] = np.arange(len(names))
        for start in range(0, len(labels), 1 << 20):
            labels[start : start + (1 << 20)] = order[labels[start : start + (1 << 20)]]
        return [name.decode() for name in names], labels

    def by_value(self) -> "IdsByValue":
        """Each distinct value and its ids, both C-sorted."""
        return IdsByValue(self)

    def _read(self, first: int, last: int) -> bytes:
        """The lines of the groups ``first .. last``."""
        start, end = (int(self._index.starts[min(n, len(self._index.firsts))]) for n in (first, last))
        data = os.pread(self._handle, end - start, start)
        if len(data) != end - start:
            raise self._changed()
        return data if data.endswith(b"\n") else data + b"\n"

    def _read_group(self, number: int) -> dict[str, str]:
        """The lines of a group."""
        if number != self._number:
            self._lines, self._number, self._group = self._read(number, number + 1), number, {}
        if not self._group:
            self._group = dict(self._parsed(self._lines))
        return self._group

    def _parsed(self, data: bytes) -> Iterator[tuple[str, str]]:
        try:
            if (columns := columns_of(data, 2)) is not None:
                yield from zip(*columns, strict=True)
                return
            for line in data[:-1].decode().split("\n"):
                key, value = fields(line, 1)
                yield key, value.rstrip(" \t")
        except ValueError:
            raise self._changed() from None

    def _rows(self) -> Iterator[tuple[str, str]]:
        for first in range(0, len(self._index.firsts), _GROUPS_READ):
            yield from self._parsed(self._read(first, first + _GROUPS_READ))

    def _chunks(self) -> Iterator[Lines]:
        for first in range(0, len(self._index.firsts), _GROUPS_READ):
            lines = Lines.of(self._read(first, first + _GROUPS_READ))
            if lines is None:
                raise self._changed()
            yield lines

    def _changed(self) -> InputError:
        return InputError(f"{self.path}: was overwritten while it was open; run the command again")


def _reopened(path: Path, table: str) -> IndexedTable:
    """The table of another process."""
    opened = indexed_table(path)
    if opened is None or opened._index.table != table:
        raise InputError(f"{path}: has changed since it was opened; run the command again")
    return opened


class _Items(ItemsView[str, str]):
    _mapping: IndexedTable

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self._mapping._rows()


class _Values(ValuesView[str]):
    _mapping: IndexedTable

    def __iter__(self) -> Iterator[str]:
        return (value for _, value in self._mapping._rows())


class Ids(Sequence[str]):
    """The ids of a table, as a list of them would be, without holding them."""

    def __init__(self, table: IndexedTable):
        self.table = table

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __contains__(self, key: object) -> bool:
        return key in self.table

    def __getitem__(self, place):
        if isinstance(place, slice):
            return [self.table.key_at(row) for row in range(len(self))[place]]
        return self.table.key_at(range(len(self))[place])  # negative places and IndexErrors as of a list


class PickedIds(Sequence[str]):
    """Some of many ids, by their places, without holding them.

    Args:
        ids: the ids.
        places: (N,) index into ``ids``.
    """

    def __init__(self, ids: Sequence[str], places: np.ndarray):
        self.ids, self.places = ids, places

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[str]:
        return (self.ids[place] for place in map(int, self.places))

    def __getitem__(self, place):
        if isinstance(place, slice):
            return [self.ids[int(picked)] for picked in self.places[place]]
        return self.ids[int(self.places[place])]


class IdsByValue(Mapping[str, Sequence[str]]):
    """The ids of each value of a table; 8 bytes an id."""

    def __init__(self, table: IndexedTable):
        self._ids = table.ids()
        values, labels = table.labels()
        self._numbers = {value: i for i, value in enumerate(values)}
        self._ends = np.cumsum(np.bincount(labels))
        self._places = np.argsort(labels, kind="stable")

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __getitem__(self, value: str) -> Sequence[str]:
        number = self._numbers[value]
        return PickedIds(self._ids, self._places[self._ends[number - 1] if number else 0 : self._ends[number]])
