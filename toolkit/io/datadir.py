"""Kaldi data dirs: C-sorted ``key value`` tables with one common key set.

A table maps the first field of a line to the rest of the line. The order is that of ``LC_ALL=C sort``: UTF-8 bytes.
"""

import math
import os
from collections import ChainMap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError, shown, some_of
from toolkit.io.indexed_table import Ids, IndexedTable, indexed_table
from toolkit.io.text import blocks, columns_of, fields

_FEW = 50  # ids are looked up one by one if there are fewer than one for this number of lines


def c_sorted(keys: Iterable[str]) -> list[str]:
    """Keys in the order of ``LC_ALL=C sort``."""
    return sorted(keys, key=str.encode)


def read_table(path, only: Collection[str] | None = None) -> Mapping[str, str]:
    """Read ``key value...`` lines: into a dict, or, where they are many and C-sorted, as a table on disk.

    Args:
        path: the table.
        only: keys to read; skips the others, so memory does not grow with the table.

    Raises:
        InputError: the file is missing, empty or not UTF-8, a line has no value, or a key occurs twice.
    """
    table = table_for(path, only)
    return table if only is None else part_of(table, only)


def table_for(path, only: Collection[str] | None) -> Mapping[str, str]:
    """As :func:`read_table`, for a caller that looks up ``only`` these keys: a table on disk has the others, too."""
    if (indexed := indexed_table(path)) is not None:
        return indexed
    table: dict[str, str] = {}
    number = 0
    for number, block in blocks(path):
        keys, values = columns_of(block, 2) or _keys_and_values(block, path, number)
        rows = dict(zip(keys, values, strict=True))
        if len(rows) < len(keys) or not rows.keys().isdisjoint(table.keys()):
            raise _duplicate(keys, table, path, number)
        table.update(rows if only is None else {key: value for key, value in rows.items() if key in only})
    if not number:
        raise InputError(f"{path}: is empty; run the stage that writes it")
    return table


def _keys_and_values(block: bytes, path, first: int) -> tuple[list[str], list[str]]:
    """The columns of a block of lines ``key value...``, of which ``first`` is the number of the first."""
    keys, values = [], []
    for number, line in enumerate(block[:-1].decode().split("\n"), first):
        try:
            key, value = fields(line, 1)
        except ValueError:
            raise InputError(f"{path}:{number}: expected 'key value', got {line!r}") from None
        keys.append(key)
        values.append(value.rstrip(" \t"))
    return keys, values


def _duplicate(keys: Sequence[str], before: Collection[str], path, first: int) -> InputError:
    """The error for the first of ``keys`` that occurs twice; the line of ``keys[0]`` has the number ``first``."""
    seen = set(before)
    for number, key in enumerate(keys, first):
        if key in seen:
            return InputError(f"{path}:{number}: duplicate key {shown(key)}; remove one (utils/fix_data_dir.sh)")
        seen.add(key)
    raise AssertionError("no key occurs twice")


def part_of(table: Mapping[str, str], only: Collection[str]) -> Mapping[str, str]:
    """A table to look up some keys in any order: of a table on disk, their lines, in the order of the table."""
    if not isinstance(table, IndexedTable):
        return table
    only = set(only)
    if _FEW * len(only) > len(table):
        return {key: value for key, value in table.items() if key in only}
    return {key: table[key] for key in c_sorted(only) if key in table}


def write_table(path, table: Mapping[str, object]) -> None:
    """Write ``key value`` lines, C-sorted, atomically."""
    with replacing(path) as handle:
        handle.writelines(f"{key} {table[key]}\n" for key in c_sorted(table))


def invert(utt2spk: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """utt2spk -> spk2utt: speaker -> its utterances, both C-sorted."""
    if isinstance(utt2spk, IndexedTable):
        return utt2spk.by_value()
    spk2utt: dict[str, list[str]] = {}
    for utt in c_sorted(utt2spk):
        spk2utt.setdefault(utt2spk[utt], []).append(utt)
    return {spk: spk2utt[spk] for spk in c_sorted(spk2utt)}


def sorted_ids(table: Mapping[str, str]) -> Sequence[str]:
    """The ids of a table, C-sorted."""
    return table.ids() if isinstance(table, IndexedTable) else c_sorted(table)


def joined(tables: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
    """Several tables as one; of an id in two of them, the value in the later one."""
    if len(tables) == 1:
        return tables[0]
    if any(isinstance(table, IndexedTable) for table in tables):
        return ChainMap(*reversed(tables))  # type: ignore[arg-type]  # nothing is written
    return {key: value for table in tables for key, value in table.items()}


def lookups(table: Mapping[str, str], ids: Sequence[str]) -> Iterator[tuple[int, str | None]]:
    """The place and the value of each of ``ids``, which are unique; None for those that the table lacks.

    A table on disk gives them in the order of its lines, which are read once.
    """
    if not isinstance(table, IndexedTable):
        yield from enumerate(map(table.get, ids))
        return
    order = np.argsort(np.array([key.encode() for key in ids])).tolist()
    if _FEW * len(ids) <= len(table):
        yield from ((place, table.get(ids[place])) for place in order)
        return
    rows = iter(table.items())
    key, value = next(rows)
    for place in order:
        while key < ids[place] and (row := next(rows, None)):  # the order of strings is that of their UTF-8 bytes
            key, value = row
        yield place, value if key == ids[place] else None


def values_of(table: Mapping[str, str], ids: Sequence[str]) -> Iterator[str | None]:
    """The values of ``ids``, None for those that the table lacks."""
    if isinstance(table, IndexedTable) and isinstance(ids, Ids) and table.has_ids_of(ids.table):
        return iter(table.values())
    return map(table.get, ids)


class DataDir:
    """A folder of tables, read on demand.

    Args:
        path: the folder, e.g. ``dump/raw/train``.
    """

    def __init__(self, path):
        self.path = Path(path)
        if not os.path.isdir(self.path):  # also False for an invalid path
            raise InputError(f"{self.path}: no such data dir; run the stage that makes it")
        self._tables: dict[str, Mapping[str, str]] = {}

    def __contains__(self, name: str) -> bool:
        return os.path.lexists(self.path / name)  # a dangling link is an error when read, not a missing table

    def table(self, name: str) -> Mapping[str, str]:
        """The table ``name``, e.g. ``utt2spk``; read once."""
        if name not in self._tables:
            self._tables[name] = read_table(self.path / name)
        return self._tables[name]

    def seconds(self, name: str, ids: Sequence[str]) -> np.ndarray:
        """Durations of ``ids`` in seconds (N,) from the table ``name``. Raises InputError unless all are above 0."""
        path = self.path / name

        def durations() -> Iterator[float]:
            for key, value in zip(ids, values_of(self.table(name), ids), strict=True):
                try:
                    seconds = float(value or "")
                except ValueError:
                    seconds = 0.0
                if not 0 < seconds < math.inf:
                    raise InputError(f"{path}: {key}: must have a number of seconds above 0; rerun stage 2")
                yield seconds

        return np.fromiter(durations(), float, len(ids))

    def labels(self, ids: Sequence[str]) -> tuple[list[str], np.ndarray]:
        """The speakers, C-sorted, and the index of each id's speaker (N,) int32.

        Without ``utt2spk`` there are no speakers, and every id has its own index.
        """
        if "utt2spk" not in self:
            return [], np.arange(len(ids), dtype=np.int32)
        utt2spk = self.table("utt2spk")
        if isinstance(utt2spk, IndexedTable) and isinstance(ids, Ids) and utt2spk.has_ids_of(ids.table):
            return utt2spk.labels()
        names = [utt2spk[key] for key in ids]
        speakers = c_sorted(set(names))
        number = {speaker: i for i, speaker in enumerate(speakers)}
        return speakers, np.array([number[name] for name in names], np.int32)

    def tables(self) -> list[str]:
        """Names of the existing tables that are keyed by utterance (streams and facts), C-sorted."""
        # Skip hidden files: killed writers leave them.
        names = [path.name for path in self.path.iterdir() if not path.name.startswith(".")]
        return c_sorted(n for n in names if n.endswith(".scp") or n.startswith("utt2") or n == "text")

    def keys(self) -> Sequence[str]:
        """The utterance ids, C-sorted: of ``utt2spk``, else of ``segments``, ``wav.scp`` or another scp."""
        scps = (name for name in self.tables() if name.endswith(".scp"))
        known = (name for name in ("utt2spk", "segments", "wav.scp") if name in self)
        primary = next(known, None) or next(scps, "wav.scp")
        return sorted_ids(self.table(primary))

    def check_same_keys(self, *names: str) -> None:
        """Raise InputError if the tables ``names`` have other ids than utt2spk; names the ids."""
        primary = self.keys()
        for name in names:
            table = self.table(name)
            if isinstance(table, IndexedTable) and isinstance(primary, Ids) and table.has_ids_of(primary.table):
                continue
            keys, other = set(primary), set(table)
            if other != keys:
                different = some_of(c_sorted(other ^ keys), known=keys | other)
                raise InputError(
                    f"{self.path / name}: not the same ids as utt2spk: {different}; run utils/fix_data_dir.sh"
                )
