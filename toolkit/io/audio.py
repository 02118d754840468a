"""Read and check audio: wav, flac, opus, ... files and audio in arks, whole or in part.

Functions read one of two things. A *value* comes from a table (wav.scp): a path, ``file.ark:offset``, or a command
ending in ``|`` that prints audio; commands run only if the caller allows them. A *file* is named by a user or a program
and is never run, whatever its name looks like.
"""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.aliases import moved_from
from toolkit.io.containers import decoded_blocks
from toolkit.io.datadir import joined, sorted_ids, table_for
from toolkit.io.errors import InputError, some_of
from toolkit.io.indexed_table import Ids, IndexedTable
from toolkit.io.opening import REPLACE, OneRead, Source, faults_of, opened_file, opened_value
from toolkit.io.samples import from_integers

_LENGTH = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class AudioInfo:
    """Number of samples (of one channel), rate in Hz, number of channels."""

    frames: int
    rate: int
    channels: int


def _info(handle: OneRead) -> AudioInfo:
    return AudioInfo(handle.frames, handle.samplerate, handle.channels)


def audio_info(value: str, name: str, allow_pipes: bool = False) -> AudioInfo:
    """Length, rate and channels of a scp value, from its header; with ``allow_pipes`` also of a command's output."""
    with opened_value(value, name, allow_pipes) as (handle, _):
        return _info(handle)


def file_info(path, name: str = "") -> AudioInfo:
    """As :func:`audio_info`, for a file."""
    with opened_file(path, name) as (handle, _):
        return _info(handle)


def _read(handle: OneRead, source: Source, start=0, frames=-1, channel: int | str | None = None) -> np.ndarray:
    """Mono float32 samples of an open file, checked against its header."""
    stop = handle.frames if frames < 0 else start + frames
    if not 0 <= start <= stop <= handle.frames:
        remedy = "the file differs from the one of the plan or of utt2num_samples; make these again"
        raise source.fault(f"has {handle.frames} samples, expected {start} to {stop}", remedy)
    if start:
        with faults_of(source):
            handle.seek(start)
    return _next_samples(handle, source, start, stop, channel)


def _next_samples(handle: OneRead, source: Source, start: int, stop: int, channel: int | str | None) -> np.ndarray:
    """Samples ``start .. stop`` of a file that is at ``start``; see :func:`_read`."""
    # numpy converts 16-bit samples to floats several times faster than libsndfile.
    plain = handle.subtype == "PCM_16" and handle.format != "FLAC"
    with faults_of(source):
        samples = decoded_blocks(handle, stop - start, "int16" if plain else "float32")
    if len(samples) != stop - start:
        raise source.fault(f"ends after {start + len(samples)} of {stop} samples; the file is truncated")
    samples = _one_channel(from_integers(samples) if plain else samples, channel, source)
    if not (handle.subtype.startswith("PCM") or np.isfinite(samples).all()):
        raise source.fault("holds NaN or infinite samples", REPLACE)
    return samples


def _blocks(handle: OneRead, source: Source, seconds: float, channel: int | str | None) -> Iterator[np.ndarray]:
    size = max(1, round(seconds * handle.samplerate))
    for start in range(0, handle.frames, size):
        yield _next_samples(handle, source, start, min(start + size, handle.frames), channel)


def _one_channel(samples: np.ndarray, channel: int | str | None, source: Source) -> np.ndarray:
    """(N, C) -> (N,): one channel, or the mean of all. ``"all"``: unchanged."""
    if channel == "all":
        return samples
    count = samples.shape[1]
    if channel is None and count > 1:
        how = (
            "at stage 2 (--channel 0)"
            if source.in_recipe
            else "by --channel 0 or --channel mean (in Python: channel=0)"
        )
        raise source.fault(f"has {count} channels, expected one; choose one {how}")
    if channel == "mean" and count > 1:
        return samples.mean(axis=1)
    channel = 0 if channel in (None, "mean") else channel
    if type(channel) is not int or not 0 <= channel < count:
        raise source.fault(f"has no channel {channel}, only {f'0 to {count - 1}' if count > 1 else 0}")
    return samples[:, 0] if count == 1 else np.ascontiguousarray(samples[:, channel])


def read_audio(value: str, name: str, start: int = 0, frames: int = -1, fs: int = 0) -> tuple[np.ndarray, int]:
    """Samples ``start .. start + frames`` (all when ``frames`` < 0) of a scp value as float32 (N,), and the rate in Hz.

    Raises:
        InputError: audio is missing, undecodable, truncated, empty, not mono, not at ``fs`` Hz (0: any) or not finite.
    """
    with opened_value(value, name, thorough=frames < 0) as (handle, source):
        if fs and handle.samplerate != fs:
            raise source.fault(f"is at {handle.samplerate} Hz, expected {fs} Hz", "stage 2 resamples (--fs)")
        return _read(handle, source, start, frames), handle.samplerate


def read_whole(
    value: str, name: str, channel: int | str | None = None, allow_pipes: bool = False
) -> tuple[np.ndarray, int]:
    """As :func:`read_audio`, for the format stage: it may choose a channel and run commands.

    Args:
        name: id, for error messages.
        channel: None (refuse several channels), a number from 0, ``"mean"``, or ``"all"`` (returns (N, C)).
        allow_pipes: run values that are commands.
    """
    with opened_value(value, name, allow_pipes) as (handle, source):
        return _read(handle, source, channel=channel), handle.samplerate


def read_file(path, name: str = "", channel: int | str | None = None) -> tuple[np.ndarray, int]:
    """As :func:`read_whole`, for a file; ``name`` comes before its path in error messages."""
    with opened_file(path, name) as (handle, source):
        return _read(handle, source, channel=channel), handle.samplerate


def file_blocks(path, seconds: float, name: str = "", channel: int | str | None = None) -> Iterator[np.ndarray]:
    """As :func:`read_file`, in consecutive blocks of ``seconds`` (the last may be shorter): memory is that of a block.

    Example::

        frames = sum(len(block) for block in file_blocks("three_hours.flac", 60))
    """
    with opened_file(path, name) as (handle, source):
        yield from _blocks(handle, source, seconds, channel)


def value_blocks(value: str, seconds: float, name: str, channel: int | str | None = None) -> Iterator[np.ndarray]:
    """As :func:`file_blocks`, of a scp value that is not a command."""
    with opened_value(value, name) as (handle, source):
        yield from _blocks(handle, source, seconds, channel)


class AudioTable:
    """Audio of formatted data dirs by id: one rate, one channel, no commands and no segments.

    Args:
        data_dirs: folders with ``wav.scp`` and, optionally, ``utt2num_samples`` (default: lengths from the headers).
        fs: rate in Hz that every file must have; None: any.
        stream: table to read: ``wav``, or of mixtures ``spk1``, ``noise1``, ...
        keep: number of whole recordings to cache in memory (impulse responses are short and are read often).
        only: ids that will be read; the others are not in memory.

    Raises:
        InputError: a table is missing or malformed, or one id names two recordings.
    """

    def __init__(
        self, *data_dirs, fs: int | None = None, stream: str = "wav", keep: int = 0, only: Collection[str] | None = None
    ):
        self.fs, self._keep = fs, keep
        self._kept: dict[str, np.ndarray] = {}
        self._measured: dict[str, int] = {}  # from headers
        tables: list[Mapping[str, str]] = []
        self._lengths: list[tuple[Path, Mapping[str, str] | Mapping[str, int]]] = []
        for path in map(Path, data_dirs):
            if os.path.lexists(path / "segments"):
                raise InputError(f"{path}: has segments; run the format stage (stage 2), which applies them")
            table = table_for(path / f"{stream}.scp", only)
            for other in tables:
                if (twice := _contradiction(table, other)) is not None:
                    raise InputError(f"{path / stream}.scp: id {twice} names another recording in another data dir")
            tables.append(table)
            if (path / "utt2num_samples").is_file() and not stream.startswith("enroll"):  # lengths of mixtures
                self._lengths.insert(0, (path / "utt2num_samples", _lengths(path / "utt2num_samples", only)))
        self.values: Mapping[str, str] = joined(tables)

    def keys(self) -> Sequence[str]:
        """The ids, C-sorted."""
        return sorted_ids(self.values)

    def _value(self, key: str) -> str:
        if key not in self.values:
            raise InputError(f"{key}: no such id in wav.scp; make the plan again from the current data dirs")
        return self.values[key]

    def num_samples(self, key: str) -> int:
        """Length in samples."""
        for path, lengths in self._lengths:
            if (length := lengths.get(key)) is not None:
                return length if isinstance(length, int) else _whole(path, {key: length})[key]
        if key not in self._measured:
            self._measured[key] = audio_info(self._value(key), key).frames
        return self._measured[key]

    def lengths(self, ids: Sequence[str]) -> np.ndarray:
        """Lengths of ``ids`` in samples, float64 (N,)."""
        for path, table in self._lengths:
            if isinstance(table, IndexedTable) and isinstance(ids, Ids) and table.has_ids_of(ids.table):
                if (lengths := table.counts()) is None:  # blanks around a number, or a fault
                    lengths = np.array(list(_whole(path, table).values()), float)
                return lengths
        return np.fromiter(map(self.num_samples, ids), float, len(ids))

    def read(self, key: str, start: int = 0, frames: int = -1) -> np.ndarray:
        """Samples of an id as float32 (N,); arguments and errors as of :func:`read_audio`."""
        if (start, frames) != (0, -1) or not self._keep:
            return read_audio(self._value(key), key, start, frames, self.fs or 0)[0]
        if key not in self._kept:
            samples = read_audio(self._value(key), key, fs=self.fs or 0)[0]
            samples.flags.writeable = False
            if len(self._kept) == self._keep:
                del self._kept[next(iter(self._kept))]  # the oldest
            self._kept[key] = samples
        return self._kept[key]


def _contradiction(one: Mapping[str, str], other: Mapping[str, str]) -> str | None:
    """The first id for which two tables have different values."""
    few, many = sorted((one, other), key=len)
    return next((key for key, value in few.items() if many.get(key, value) != value), None)


def _lengths(path: Path, only: Collection[str] | None) -> Mapping[str, str] | Mapping[str, int]:
    """``utt2num_samples``; of a large table, values are checked when they are read."""
    table = table_for(path, only)
    return table if isinstance(table, IndexedTable) else _whole(path, table)


def _whole(path: Path, table: Mapping[str, str]) -> dict[str, int]:
    """The values of ``utt2num_samples`` as numbers. Raises InputError if one is not a number of samples."""
    if bad := [f"{key} {length}" for key, length in table.items() if not _LENGTH.fullmatch(length)]:
        raise InputError(f"{path}: not a number of samples: {some_of(bad, 3)}; rerun stage 2")
    return {key: int(length) for key, length in table.items()}


__getattr__ = moved_from(__name__)
