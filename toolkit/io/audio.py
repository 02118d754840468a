"""Read and check audio: wav, flac, opus, ... files and audio in arks, whole or in part.

Functions read one of two things. A *value* comes from a table (wav.scp): a path, ``file.ark:offset``, or a command
ending in ``|`` that prints audio; commands run only if the caller allows them. A *file* is named by a user or a program
and is never run, whatever its name looks like.
"""

import logging
import math
import os
import re
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from toolkit.io.ark import AudioEntry, regular_size, split_place
from toolkit.io.containers import SHORT, decoded_blocks, is_short, repaired
from toolkit.io.datadir import c_sorted, joined, sorted_ids, table_for
from toolkit.io.errors import InputError, some_of
from toolkit.io.indexed_table import Ids, IndexedTable
from toolkit.io.tails import uncounted_frames

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".opus", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".w64"})
# Limits of a network's input. Audio below eight frames of 25 ms holds too little of a voice. A peak 18 dB above full
# scale means samples on an integer scale: recordings of floats in [-1, 1] do not reach it.
LEAST_SECONDS = 0.1
LOUDEST = 8.0
_NO_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # characters that no table can hold
_LENGTH = re.compile(r"[1-9][0-9]{0,17}")
_UNKNOWN_FRAMES = 2**62
_RATES = range(1000, 1_000_001)  # Hz; another rate means a damaged header, and resampling would exhaust the memory
_FRAMES_PER_BYTE = 6000  # above any codec's ratio, even for digital silence
_FIX_PATH, _REPLACE = "fix the scp or the corpus path in db.sh", "replace the file or drop the utterance"


@dataclass(frozen=True)
class AudioInfo:
    """Number of samples (of one channel), rate in Hz, number of channels."""

    frames: int
    rate: int
    channels: int


class _Source(NamedTuple):
    """Audio to open: its place for messages, whether it is in a recipe, and whether all of it will be read."""

    where: str
    in_recipe: bool
    thorough: bool = True

    def fault(self, what: str, remedy: str = "") -> InputError:
        """The error to raise. The remedy is for a recipe's tables; it is left out for a file named by a user."""
        return InputError(f"{self.where}: {what}{f'; {remedy}' if remedy and self.in_recipe else ''}")


def is_command(value: str) -> bool:
    """Whether a scp value is a shell command (``sox in.wav -t wav - |``)."""
    return value.rstrip().endswith("|")


class _OneRead(soundfile.SoundFile):
    """An audio file for one seek and one read. soundfile seeks after each read, which makes flac decode again."""

    def seekable(self) -> bool:
        """False, so that soundfile does not seek after a read."""
        return False


@lru_cache(1000)
def _warn_once(message: str) -> None:
    """Log a warning, once for each recording."""
    logging.warning("%s", message)


@contextmanager
def _opened_value(value: str, name: str, allow_pipes: bool = False, thorough: bool = True) -> Iterator:
    """Open a scp value for reading and check its header; every fault is an InputError with id and value."""
    source = _Source(f"{name}: {value}", True, thorough)
    path, offset = split_place(value)
    with ExitStack() as stack:
        if is_command(value):
            if not allow_pipes:
                raise InputError(
                    f"{name}: is a command ({value}); only the format stage (stage 2) runs commands, with "
                    "--allow_pipes (in a recipe: --format_opts --allow_pipes); use it only if you trust the data dir"
                )
            output = _run(value, name)
            source = _Source(f"{name}: command output: {value}", True)
            stack.callback(os.close, output)
            yield _checked_file(f"/proc/self/fd/{output}", source, stack), source
        elif offset is None:
            yield _checked_file(value, source, stack), source
        else:
            yield _checked_entry(path, offset, source, stack), source


@contextmanager
def _opened_file(path, name: str = "") -> Iterator:
    """As :func:`_opened_value`, for a file that a user named or that a folder holds."""
    if not isinstance(path, str | os.PathLike):  # soundfile takes a number for a file descriptor
        raise InputError(f"{path!r:.80}: must be the path of a file")
    source = _Source(f"{name}: {path}" if name else str(path), bool(name))
    with ExitStack() as stack:
        yield _checked_file(path, source, stack), source


@contextmanager
def _faults_of(source: _Source) -> Iterator[None]:
    """Turn errors of the system and of the decoder into InputErrors."""
    try:
        yield
    except FileNotFoundError:
        raise source.fault("no such file", _FIX_PATH) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise source.fault(why if why.startswith("is ") else f"cannot be read: {why}", _FIX_PATH) from None
    except soundfile.LibsndfileError as error:
        raise source.fault(f"cannot be decoded ({error.error_string.strip()})", _REPLACE) from None
    except ValueError as error:  # a part of a concatenated file is cut off, or the path holds a NUL
        raise source.fault(str(error)) from None


def _checked_file(path, source: _Source, stack: ExitStack) -> _OneRead:
    """Open a file and check its header; ``stack`` closes it."""
    with _faults_of(source):
        if not (size := regular_size(path)):
            raise source.fault("is empty", _REPLACE)
        name = os.fsencode(path)
        if name.lower().endswith(b".raw"):  # soundfile reads any such file as headerless
            raise source.fault("is audio without a header, so its rate is unknown; convert it to wav", _REPLACE)
        handle = stack.enter_context(_OneRead(b"./-" if name == b"-" else name))  # "-" is standard input
        if source.thorough and (copy := repaired(path, handle)):
            descriptor, what = copy
            stack.callback(os.close, descriptor)
            path = f"/proc/self/fd/{descriptor}"
            handle, size = stack.enter_context(_OneRead(path)), regular_size(path)
            _warn_once(f"{source.where}: {what}; all of it is read, {handle.frames / handle.samplerate:.2f} s")
        return _checked(handle, size, partial(_read_at, path), source)


def _read_at(path, place: int, count: int) -> bytes:
    """``count`` bytes of a file from ``place``."""
    with open(path, "rb") as file:
        file.seek(place)
        return file.read(count)


def _checked_entry(path: str, offset: int, source: _Source, stack: ExitStack) -> _OneRead:
    """Open an entry of an ark and check its header; ``stack`` closes it."""
    with _faults_of(source):
        try:
            entry = stack.enter_context(closing(AudioEntry(path, offset)))
        except InputError as error:
            raise InputError(f"{source.where.removesuffix(f'{path}:{offset}')}{error}") from None
        return _checked(stack.enter_context(_OneRead(entry)), entry.size, entry.read_at, source)


def _checked(handle: _OneRead, size: int, read_at: Callable[[int, int], bytes], source: _Source) -> _OneRead:
    """The handle. Raises InputError if its header promises more than the ``size`` bytes can hold."""
    if is_short(handle, size, read_at):
        raise source.fault(SHORT)
    if handle.frames == 0:
        raise source.fault("holds no samples", _REPLACE)
    if source.thorough and (more := uncounted_frames(handle, size, read_at)):
        raise source.fault(
            f"its header counts {handle.frames} samples, the file holds about {handle.frames + more}; if the rest is "
            "audio, rewrite it (sox --ignore-length in.wav out.wav), else cut it off"
        )
    if handle.frames >= _UNKNOWN_FRAMES:
        raise source.fault("its header does not say how long it is; encode it to a regular file, or as wav")
    if handle.frames > _FRAMES_PER_BYTE * size:
        raise source.fault(f"its header promises {handle.frames} samples, more than {size} bytes can hold", _REPLACE)
    if handle.samplerate not in _RATES:
        raise source.fault(f"is at {handle.samplerate} Hz, expected {_RATES[0]} to {_RATES[-1]} Hz", _REPLACE)
    return handle


def _info(handle: _OneRead) -> AudioInfo:
    return AudioInfo(handle.frames, handle.samplerate, handle.channels)


def audio_info(value: str, name: str, allow_pipes: bool = False) -> AudioInfo:
    """Length, rate and channels of a scp value, from its header; with ``allow_pipes`` also of a command's output."""
    with _opened_value(value, name, allow_pipes) as (handle, _):
        return _info(handle)


def file_info(path, name: str = "") -> AudioInfo:
    """As :func:`audio_info`, for a file."""
    with _opened_file(path, name) as (handle, _):
        return _info(handle)


def _read(handle: _OneRead, source: _Source, start=0, frames=-1, channel: int | str | None = None) -> np.ndarray:
    """Mono float32 samples of an open file, checked against its header."""
    stop = handle.frames if frames < 0 else start + frames
    if not 0 <= start <= stop <= handle.frames:
        remedy = "the file differs from the one of the plan or of utt2num_samples; make these again"
        raise source.fault(f"has {handle.frames} samples, expected {start} to {stop}", remedy)
    if start:
        with _faults_of(source):
            handle.seek(start)
    return _next_samples(handle, source, start, stop, channel)


def _next_samples(handle: _OneRead, source: _Source, start: int, stop: int, channel: int | str | None) -> np.ndarray:
    """Samples ``start .. stop`` of a file that is at ``start``; see :func:`_read`."""
    # numpy converts 16-bit samples to floats several times faster than libsndfile.
    plain = handle.subtype == "PCM_16" and handle.format != "FLAC"
    with _faults_of(source):
        samples = decoded_blocks(handle, stop - start, "int16" if plain else "float32")
    if len(samples) != stop - start:
        raise source.fault(f"ends after {start + len(samples)} of {stop} samples; the file is truncated")
    samples = _one_channel(from_integers(samples) if plain else samples, channel, source)
    if not (handle.subtype.startswith("PCM") or np.isfinite(samples).all()):
        raise source.fault("holds NaN or infinite samples", _REPLACE)
    return samples


def _blocks(handle: _OneRead, source: _Source, seconds: float, channel: int | str | None) -> Iterator[np.ndarray]:
    size = max(1, round(seconds * handle.samplerate))
    for start in range(0, handle.frames, size):
        yield _next_samples(handle, source, start, min(start + size, handle.frames), channel)


def from_integers(pcm: np.ndarray) -> np.ndarray:
    """Signed integers -> float32 in [-1, 1), scaled as by libsndfile."""
    samples = pcm.astype(np.float32)
    samples *= np.float32(2.0 ** (1 - 8 * pcm.itemsize))
    return samples


def _one_channel(samples: np.ndarray, channel: int | str | None, source: _Source) -> np.ndarray:
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
    with _opened_value(value, name, thorough=frames < 0) as (handle, source):
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
    with _opened_value(value, name, allow_pipes) as (handle, source):
        return _read(handle, source, channel=channel), handle.samplerate


def read_file(path, name: str = "", channel: int | str | None = None) -> tuple[np.ndarray, int]:
    """As :func:`read_whole`, for a file; ``name`` comes before its path in error messages."""
    with _opened_file(path, name) as (handle, source):
        return _read(handle, source, channel=channel), handle.samplerate


def file_blocks(path, seconds: float, name: str = "", channel: int | str | None = None) -> Iterator[np.ndarray]:
    """As :func:`read_file`, in consecutive blocks of ``seconds`` (the last may be shorter): memory is that of a block.

    Example::

        frames = sum(len(block) for block in file_blocks("three_hours.flac", 60))
    """
    with _opened_file(path, name) as (handle, source):
        yield from _blocks(handle, source, seconds, channel)


def value_blocks(value: str, seconds: float, name: str, channel: int | str | None = None) -> Iterator[np.ndarray]:
    """As :func:`file_blocks`, of a scp value that is not a command."""
    with _opened_value(value, name) as (handle, source):
        yield from _blocks(handle, source, seconds, channel)


def resampled_blocks(blocks: Iterable[np.ndarray], rate: int, fs: int) -> Iterator[np.ndarray]:
    """Consecutive blocks (N_i,) of a recording at ``rate`` Hz -> blocks at ``fs`` Hz: together :func:`resample`."""
    if rate == fs:
        yield from blocks
        return
    import soxr

    stream, length, made = soxr.ResampleStream(rate, fs, 1, dtype="float32"), 0, 0
    for block in blocks:
        length += len(block)
        out = stream.resample_chunk(np.ascontiguousarray(block, np.float32))
        made += len(out)
        if len(out):
            yield out
    rest = stream.resample_chunk(np.zeros(math.ceil(rate / fs), np.float32), last=True)
    yield rest[: max(0, math.ceil(length * fs / rate) - made)]


def unusable(samples: np.ndarray, fs: int, least: float = LEAST_SECONDS) -> str:
    """Why a recording cannot be used; empty if it can. All readers share this rule.

    Args:
        samples: (N,) floats.
        fs: rate in Hz.
        least: minimum length in seconds.
    """
    low, high = (float(samples.min()), float(samples.max())) if len(samples) else (0.0, 0.0)
    # On the 16-bit grid, which the format stage writes: a signal that is zero there is silent in any format.
    if low * 32768 >= -0.5 and high * 32768 <= 0.5 and len(samples):
        return "is digital silence"
    if len(samples) < max(1, least * fs):
        return f"lasts {len(samples) / fs:.4f} s, expected at least {least:g} s (a few frames of 25 ms)"
    if not (math.isfinite(low) and math.isfinite(high)):
        return "holds NaN or infinite samples"
    if (peak := max(-low, high)) > LOUDEST:
        return (
            f"peaks at {peak:.4g}, far beyond full scale: samples must lie in [-1, 1]; divide integer samples by their "
            "full scale (16 bits: 32768)"
        )
    return f"is constant ({low:.3g}) and holds no sound" if round(low * 32768) == round(high * 32768) else ""


def check_usable(samples: np.ndarray, fs: int, what: str, remedy: str = "", least: float = LEAST_SECONDS) -> None:
    """Raise InputError, which begins with ``what``, if a recording is :func:`unusable`."""
    if why := unusable(samples, fs, least):
        raise InputError(f"{what} {why}{remedy and f'; {remedy}'}")


def _run(value: str, name: str) -> int:
    """Run a scp command; returns a file descriptor of its output in memory."""
    command, output = value.rstrip()[:-1], os.memfd_create("audio")
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE
    )
    if done.returncode or not os.fstat(output).st_size:
        os.close(output)
        why = f"failed (exit {done.returncode})" if done.returncode else "printed nothing"
        last_line = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise InputError(f"{name}: command {why}: {command}{': ' + last_line[0] if last_line else ''}")
    return output


def resample(samples: np.ndarray, rate: float, fs: float, method: str = "soxr") -> np.ndarray:
    """(N,) at ``rate`` Hz -> (N * fs / rate rounded up,) at ``fs`` Hz.

    Args:
        method: ``soxr`` (high quality), or ``polyphase``: scipy's resample_poly, used by published corpora. Its short
            filter passes some energy above the new band.
    """
    if rate == fs:
        return samples
    if method == "polyphase":
        from scipy.signal import resample_poly

        return resample_poly(samples.astype(np.float64), fs, rate).astype(np.float32)
    import soxr

    # soxr rounds to the nearest length and assumes zeros after the end, so one more output sample costs nothing.
    padded = np.pad(samples, (0, math.ceil(rate / fs)))
    return soxr.resample(padded, rate, fs)[: math.ceil(len(samples) * fs / rate)]


def audio_files(folder) -> dict[str, Path]:
    """All audio below a folder, links followed: relative path without extension -> file, C-sorted.

    Hidden files are skipped (macOS leaves ``._a.wav`` beside ``a.wav``).

    Raises:
        InputError: the folder is missing or has no audio, two files differ only by extension, or a name fits no table.
    """
    folder = Path(folder)
    files: dict[str, Path] = {}
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; fix the path (db.sh, or an option of local/data.sh)")
    for path in files_below(folder):
        if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".") and path.is_file():
            if _NO_NAME.search(str(path)):
                raise InputError(f"{str(path)!a}: the name has a control character or is not UTF-8; rename it")
            key = path.relative_to(folder).with_suffix("").as_posix()
            if key in files:
                raise InputError(f"{path}: differs only by extension from {files[key].name}; keep one")
            files[key] = path
    if not files:
        raise InputError(f"{folder}: holds no audio ({', '.join(sorted(AUDIO_SUFFIXES))})")
    return {key: files[key] for key in c_sorted(files)}


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, links to folders followed, each folder once."""
    seen = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(root)) in seen:  # a link to a folder visited before, or to a parent
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield from (Path(root, name) for name in sorted(names))


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
