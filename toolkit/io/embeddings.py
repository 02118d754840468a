"""Bulk reading of embeddings: vectors (D,), or matrices (S, D) with a row for each segment of an utterance.

An ark is memory-mapped once and its arrays are copied by the thousand. Arrays that are not plain float32 are read by
:func:`toolkit.io.ark.read_array`.
"""

import mmap
import os
import struct
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from toolkit.io.ark import open_regular, read_array, split_place
from toolkit.io.datadir import lookups
from toolkit.io.errors import InputError
from toolkit.io.trials import check_ids

_VECTOR, _MATRIX = b"\0BFV \4", b"\0BFM \4"  # Kaldi's marks of float32, with the size of the next integer
_GATHER_BYTES = 1 << 23


def read_rows(
    table: Mapping[str, str], ids: Sequence[str], source: str
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Read the embeddings of ``ids`` in parts, each from one ark.

    Args:
        table: id -> ``file.ark:offset``.
        ids: unique ids.
        source: path of the table, for messages.

    Yields:
        ``(indices (n,) of the part's utterances in ids, rows (R, D) float32, counts (n,) rows of each)``; counts is
        None if all are vectors.

    Raises:
        InputError: an id or an array is missing, an array is damaged or not finite, or sizes differ; names the id.
    """
    size = None
    for path, places, offsets in _by_ark(table, ids, source):
        for part, rows, counts in _read_ark(path, places, offsets, table, ids):
            size = size or rows.shape[1]
            if rows.shape[1] != size:
                raise InputError(
                    f"{source}: the embeddings are of several sizes ({ids[part[0]]} has {rows.shape[1]}, others have "
                    f"{size}); extract all with one model"
                )
            bad = ~np.isfinite(rows).all(1)
            if bad.any():
                owner = np.flatnonzero(bad)[0] if counts is None else np.repeat(np.arange(len(part)), counts)[bad][0]
                name = ids[part[owner]]
                raise InputError(f"{name}: {table[name]}: holds NaN or infinite values; write it again")
            yield part, rows, counts


def read_all(table: Mapping[str, str], ids: Sequence[str], source: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """All embeddings of ``ids``, in their order; arguments and errors as of :func:`read_rows`.

    Returns:
        ``(rows (R, D) float32, counts (n,) rows of each id, whether any is a matrix)``.
    """
    parts: list[np.ndarray] = [np.empty(0)] * len(ids)
    segmented = False
    for places, rows, counts in read_rows(table, ids, source):
        segmented = segmented or counts is not None
        ends = np.cumsum(np.ones(len(places), int) if counts is None else counts)
        for place, part in zip(places, np.split(rows, ends[:-1]), strict=True):
            parts[place] = part
    return np.concatenate(parts), np.array([len(part) for part in parts]), segmented


def _by_ark(table: Mapping[str, str], ids: Sequence[str], source: str) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """``(ark, indices in ids, offsets)``; offset -1 if the value does not name an ark."""
    by_path: dict[str, tuple[array, array]] = defaultdict(lambda: (array("q"), array("q")))
    for place, value in lookups(table, ids):
        if value is None:
            check_ids(ids, table, source)
        path, offset = split_place(str(value))
        places, offsets = by_path[path]
        places.append(place)
        offsets.append(-1 if offset is None else offset)
    for path, (places, offsets) in by_path.items():
        order = np.argsort(offsets, kind="stable")
        yield path, np.array(places)[order], np.array(offsets)[order]


def _read_ark(path: str, places: np.ndarray, offsets: np.ndarray, table: Mapping[str, str], ids: Sequence[str]):
    """The parts of one ark: runs of arrays of one size; single arrays for other kinds of entries."""
    mapped = _mapped(path)
    data = np.frombuffer(mapped, np.uint8)
    at = 0
    while at < len(places):
        header, shape = _header(data, int(offsets[at]))
        n = _same(data, offsets[at:], header, 4 * int(np.prod(shape))) if header else 0
        part = places[at : at + max(n, 1)]
        if n:
            values = _gather(data, offsets[at : at + n] + len(header), 4 * int(np.prod(shape))).view("<f4")
            rows = values.reshape(-1, shape[-1])
            counts = None if len(shape) == 1 else np.full(n, shape[0])
        else:
            key = ids[places[at]]
            array = read_array(table[key], key).astype(np.float32, copy=False)
            if array.ndim > 2:
                raise InputError(f"{key}: {table[key]}: holds an array of {array.ndim} dimensions; write it again")
            rows, counts = np.atleast_2d(array), None if array.ndim == 1 else np.array([len(array)])
        yield part, rows, counts
        at += len(part)
        if mapped and isinstance(mapped, mmap.mmap):
            mapped.madvise(mmap.MADV_DONTNEED)  # release the pages that were copied


def _mapped(path: str) -> mmap.mmap | bytes:
    """The bytes of an ark; empty if it cannot be opened (reading its arrays one by one then raises the error)."""
    try:
        if os.path.isfile(path):
            with open(open_regular(path), "rb") as handle:
                return mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        pass
    return b""


def _header(data: np.ndarray, offset: int) -> tuple[bytes, tuple[int, ...]]:
    """The header and shape of the float32 array at an offset; ``(b"", ())`` if it is missing or cut off."""
    head = data[offset : offset + 15].tobytes() if offset >= 0 else b""
    shape: tuple[int, ...] = ()
    if head.startswith(_VECTOR) and len(head) >= 10:
        shape = struct.unpack("<i", head[6:10])
        head = head[:10]
    elif head.startswith(_MATRIX) and len(head) == 15 and head[10] == 4:
        shape = struct.unpack("<i", head[6:10]) + struct.unpack("<i", head[11:15])
    whole = shape and min(shape) > 0 and offset + len(head) + 4 * int(np.prod(shape)) <= len(data)
    return (head, shape) if whole else (b"", ())


def _same(data: np.ndarray, offsets: np.ndarray, header: bytes, size: int) -> int:
    """Number of leading ``offsets`` that hold whole arrays with this header, limited to some tens of MB."""
    offsets = offsets[: max(1, _GATHER_BYTES // (size + len(header)))]
    offsets = offsets[offsets + len(header) + size <= len(data)]
    other = np.flatnonzero((_gather(data, offsets, len(header)) != np.frombuffer(header, np.uint8)).any(1))
    return int(other[0]) if other.size else len(offsets)


def _gather(data: np.ndarray, offsets: np.ndarray, size: int) -> np.ndarray:
    """(n,) offsets -> (n, size) bytes."""
    return np.lib.stride_tricks.sliding_window_view(data, size)[offsets]
