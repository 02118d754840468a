"""A table of a data dir that must be of the same utterances as its audio."""

from collections.abc import Iterable
from pathlib import Path

from toolkit.io.datadir import c_sorted, read_table
from toolkit.io.errors import InputError, counted, some_of


def read_matched(path, name: str, keys: Iterable[str], what: str) -> dict[str, str]:
    """The values of a table by utterance, C-sorted.

    Args:
        path: the data dir.
        name: of the table, e.g. ``text``.
        keys: ids of the recordings.
        what: a value is, e.g. ``transcript``.

    Raises:
        InputError: the table is missing, a value is empty, or ids have audio and no value or the reverse; counts and
            names them.
    """
    keys, path = set(keys), Path(path) / name
    if not path.is_file():
        raise InputError(
            f"{path}: file not found, and each utterance needs its {what}; write it into the data dir at stage 1, and "
            "run the stages after it again"
        )
    table = read_table(path)
    for ids, fault in (
        (keys - table.keys(), f"audio and no {what}"),
        (table.keys() - keys, f"a line in {name} and no audio"),
    ):
        if ids:
            raise InputError(
                f"{path}: {counted(len(ids), 'utterance')} with {fault}: "
                f"{some_of(c_sorted(ids), known=keys | table.keys())}; utils/fix_data_dir.sh keeps what has both"
            )
    return {key: table[key] for key in c_sorted(table)}
