"""Kaldi data dirs: C-sorted ``key value`` tables with one common key set.

A table maps the first field of a line to the rest of the line. The order is that of ``LC_ALL=C sort``: UTF-8 bytes.
"""

import math
import os
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError, shown, some_of
from toolkit.io.text import fields, read_lines


def c_sorted(keys: Iterable[str]) -> list[str]:
    """Keys in the order of ``LC_ALL=C sort``."""
    return sorted(keys, key=str.encode)


def read_table(path, only: Container[str] | None = None) -> dict[str, str]:
    """Read ``key value...`` lines.

    Args:
        path: the table.
        only: keys to read; skips the others, so memory does not grow with the table.

    Raises:
        InputError: the file is missing, empty or not UTF-8, a line has no value, or a key occurs twice.
    """
    table: dict[str, str] = {}
    number = 0
    for number, line in read_lines(path):
        try:
            key, value = fields(line, 1)
        except ValueError:
            raise InputError(f"{path}:{number}: expected 'key value', got {line!r}") from None
        if key in table:
            raise InputError(f"{path}:{number}: duplicate key {shown(key)}; remove one (utils/fix_data_dir.sh)")
        if only is None or key in only:
            table[key] = value.rstrip(" \t")
    if not number:
        raise InputError(f"{path}: is empty; run the stage that writes it")
    return table


def write_table(path, table: Mapping[str, object]) -> None:
    """Write ``key value`` lines, C-sorted, atomically."""
    with replacing(path) as handle:
        handle.writelines(f"{key} {table[key]}\n" for key in c_sorted(table))


def invert(utt2spk: Mapping[str, str]) -> dict[str, list[str]]:
    """utt2spk -> spk2utt: speaker -> its utterances, both C-sorted."""
    spk2utt: dict[str, list[str]] = {}
    for utt in c_sorted(utt2spk):
        spk2utt.setdefault(utt2spk[utt], []).append(utt)
    return {spk: spk2utt[spk] for spk in c_sorted(spk2utt)}


class DataDir:
    """A folder of tables, read on demand.

    Args:
        path: the folder, e.g. ``dump/raw/train``.
    """

    def __init__(self, path):
        self.path = Path(path)
        if not os.path.isdir(self.path):  # also False for an invalid path
            raise InputError(f"{self.path}: no such data dir; run the stage that makes it")
        self._tables: dict[str, dict[str, str]] = {}

    def __contains__(self, name: str) -> bool:
        return os.path.lexists(self.path / name)  # a dangling link is an error when read, not a missing table

    def table(self, name: str) -> dict[str, str]:
        """The table ``name``, e.g. ``utt2spk``; read once."""
        if name not in self._tables:
            self._tables[name] = read_table(self.path / name)
        return self._tables[name]

    def seconds(self, name: str, ids: Sequence[str]) -> list[float]:
        """Durations of ``ids`` in seconds from the table ``name``. Raises InputError unless all are above 0."""
        durations = []
        for key in ids:
            try:
                durations.append(float(self.table(name)[key]))
            except (KeyError, ValueError):
                durations.append(math.nan)
            if not 0 < durations[-1] < math.inf:
                raise InputError(f"{self.path / name}: {key}: must have a number of seconds above 0; rerun stage 2")
        return durations

    def tables(self) -> list[str]:
        """Names of the existing tables that are keyed by utterance (streams and facts), C-sorted."""
        # Skip hidden files: killed writers leave them.
        names = [path.name for path in self.path.iterdir() if not path.name.startswith(".")]
        return c_sorted(n for n in names if n.endswith(".scp") or n.startswith("utt2") or n == "text")

    def keys(self) -> list[str]:
        """The utterance ids, C-sorted: of ``utt2spk``, else of ``segments``, ``wav.scp`` or another scp."""
        scps = (name for name in self.tables() if name.endswith(".scp"))
        known = (name for name in ("utt2spk", "segments", "wav.scp") if name in self)
        primary = next(known, None) or next(scps, "wav.scp")
        return c_sorted(self.table(primary))

    def check_same_keys(self, *names: str) -> None:
        """Raise InputError if the tables ``names`` have other ids than utt2spk; names the ids."""
        keys = set(self.keys())
        for name in names:
            other = set(self.table(name))
            if other != keys:
                different = some_of(c_sorted(other ^ keys), known=keys | other)
                raise InputError(
                    f"{self.path / name}: not the same ids as utt2spk: {different}; run utils/fix_data_dir.sh"
                )
