"""Audio by id or by name: wav, flac, opus, ... files and audio inside arks, whole or in part, checked.

There are two doors. What a table (wav.scp) holds is a *value*: a path, ``file.ark:offset``, or a command ending in
``|`` that prints audio, which is run where the caller allows it and nowhere else. What a person or a program names is a
*file*, whatever its name looks like.
"""

import logging
import math
import os
import re
import subprocess
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from toolkit.io.ark import AudioEntry, regular_size, split_place
from toolkit.io.containers import SHORT, decoded_blocks, is_short, repaired
from toolkit.io.datadir import c_sorted, read_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.tails import uncounted_frames

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".opus", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".w64"})
# Limits of a network's input. Shorter than eight frames of 25 ms says nothing about a voice. A peak 18 dB above full
# scale means a scale of whole numbers: recordings of floats in [-1, 1] do not reach it.
LEAST_SECONDS = 0.1
LOUDEST = 8.0
_NO_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # what no line of a table can hold
_LENGTH = re.compile(r"[1-9][0-9]{0,17}")
_UNKNOWN_FRAMES = 2**62
_RATES = range(1000, 1_000_001)  # Hz; others are damage, and resampling would take memory without end
_FRAMES_PER_BYTE = 6000  # more than any codec makes of digital silence
_MEND, _REPLACE = "fix the scp or the corpus path in db.sh", "replace the file or drop the utterance"


@dataclass(frozen=True)
class AudioInfo:
    """Length in samples, rate in Hz, channels."""

    frames: int
    rate: int
    channels: int


class _Source(NamedTuple):
    """Audio to open: ``where`` it is, for messages, and in a recipe or not; ``thorough``: all of it will be read."""

    where: str
    in_recipe: bool
    thorough: bool = True

    def fault(self, what: str, remedy: str = "") -> InputError:
        """An error. Of a file that was named by hand, what to do in a recipe's tables is left out."""
        return InputError(f"{self.where}: {what}{f'; {remedy}' if remedy and self.in_recipe else ''}")


def is_command(value: str) -> bool:
    """Is a scp value a shell command (``sox in.wav -t wav - |``)?"""
    return value.rstrip().endswith("|")


class _OneRead(soundfile.SoundFile):
    """An audio file for one seek and one read: soundfile would seek again after the read, and flac decode once more."""

    def seekable(self) -> bool:
        """What soundfile asks before such a seek."""
        return False


@lru_cache(1000)
def _say(message: str) -> None:
    """Warn, once however often a recording is opened."""
    logging.warning("%s", message)


@contextmanager
def _opened_value(value: str, name: str, allow_pipes: bool = False, thorough: bool = True) -> Iterator:
    """Open a scp value for reading and check its header; every fault becomes an InputError naming id and value."""
    source = _Source(f"{name}: {value}", True, thorough)
    path, offset = split_place(value)
    with ExitStack() as stack:
        if is_command(value):
            if not allow_pipes:
                raise InputError(
                    f"{name}: is a command ({value}); commands are run by the format stage (stage 2) only, with "
                    "--allow_pipes (of a recipe: --format_opts --allow_pipes); give it only if you trust the data dir"
                )
            output = _run(value, name)
            source = _Source(f"{name}: command's output: {value}", True)
            stack.callback(os.close, output)
            yield _checked_file(f"/proc/self/fd/{output}", source, stack), source
        elif offset is None:
            yield _checked_file(value, source, stack), source
        else:
            yield _checked_entry(path, offset, source, stack), source


@contextmanager
def _opened_file(path, name: str = "") -> Iterator:
    """Open a file that was named by hand, or found in a folder, as :func:`_opened_value` opens a value."""
    if not isinstance(path, str | os.PathLike):  # a number would be taken for an open file's
        raise InputError(f"{path!r:.80}: must be the path of a file")
    source = _Source(f"{name}: {path}" if name else str(path), bool(name))
    with ExitStack() as stack:
        yield _checked_file(path, source, stack), source


@contextmanager
def _faults_of(source: _Source) -> Iterator[None]:
    """What the system or the decoder has against a file becomes an InputError."""
    try:
        yield
    except FileNotFoundError:
        raise source.fault("no such file", _MEND) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise source.fault(why if why.startswith("is ") else f"cannot be read: {why}", _MEND) from None
    except soundfile.LibsndfileError as error:
        raise source.fault(f"cannot be decoded ({error.error_string.strip()})", _REPLACE) from None
    except ValueError as error:  # a part of a joined file is cut off, or its path holds a NUL
        raise source.fault(str(error)) from None


def _checked_file(path, source: _Source, stack: ExitStack) -> _OneRead:
    """An opened file, its header checked; ``stack`` closes it."""
    with _faults_of(source):
        if not (size := regular_size(path)):
            raise source.fault("is empty", _REPLACE)
        name = os.fsencode(path)
        if name.lower().endswith(b".raw"):  # soundfile would take it for that, whatever it holds
            raise source.fault("is audio without a header, which tells no rate; convert it to wav", _REPLACE)
        handle = stack.enter_context(_OneRead(b"./-" if name == b"-" else name))  # - is libsndfile's standard input
        if source.thorough and (copy := repaired(path, handle)):
            descriptor, what = copy
            stack.callback(os.close, descriptor)
            path = f"/proc/self/fd/{descriptor}"
            handle, size = stack.enter_context(_OneRead(path)), regular_size(path)
            _say(f"{source.where}: {what}; all of it is read, {handle.frames / handle.samplerate:.2f} s")
        return _checked(handle, size, partial(_read_at, path), source)


def _read_at(path, place: int, count: int) -> bytes:
    """Some bytes of a file."""
    with open(path, "rb") as file:
        file.seek(place)
        return file.read(count)


def _checked_entry(path: str, offset: int, source: _Source, stack: ExitStack) -> _OneRead:
    """An opened entry of an ark, its header checked."""
    with _faults_of(source):
        try:
            entry = stack.enter_context(closing(AudioEntry(path, offset)))
        except InputError as error:
            raise InputError(f"{source.where.removesuffix(f'{path}:{offset}')}{error}") from None
        return _checked(stack.enter_context(_OneRead(entry)), entry.size, entry.read_at, source)


def _checked(handle: _OneRead, size: int, read_at: Callable[[int, int], bytes], source: _Source) -> _OneRead:
    """The same; InputError where its header promises what the ``size`` bytes cannot hold."""
    if is_short(handle, size, read_at):
        raise source.fault(SHORT)
    if handle.frames == 0:
        raise source.fault("holds no samples", _REPLACE)
    if source.thorough and (more := uncounted_frames(handle, size, read_at)):
        raise source.fault(
            f"its header counts {handle.frames} samples, the file holds about {handle.frames + more}; if all are "
            "audio, rewrite it with sox or ffmpeg (sox --ignore-length in.wav out.wav), else cut off the rest"
        )
    if handle.frames >= _UNKNOWN_FRAMES:
        raise source.fault("its header does not say how long it is; encode it to a file, or as wav")
    if handle.frames > _FRAMES_PER_BYTE * size:
        raise source.fault(f"its header promises {handle.frames} samples, more than {size} bytes can hold", _REPLACE)
    if handle.samplerate not in _RATES:
        raise source.fault(f"is at {handle.samplerate} Hz, expected {_RATES[0]} to {_RATES[-1]} Hz", _REPLACE)
    return handle


def _info(handle: _OneRead) -> AudioInfo:
    return AudioInfo(handle.frames, handle.samplerate, handle.channels)


def audio_info(value: str, name: str, allow_pipes: bool = False) -> AudioInfo:
    """Length, rate and channels of a scp value, from its header; of a command's output if commands may be run."""
    with _opened_value(value, name, allow_pipes) as (handle, _):
        return _info(handle)


def file_info(path, name: str = "") -> AudioInfo:
    """As :func:`audio_info`, of a file."""
    with _opened_file(path, name) as (handle, _):
        return _info(handle)


def _read(handle: _OneRead, source: _Source, start=0, frames=-1, channel: int | str | None = None) -> np.ndarray:
    """Mono float32 samples of an open file, checked against its header."""
    stop = handle.frames if frames < 0 else start + frames
    if not 0 <= start <= stop <= handle.frames:
        remedy = "is it another file than the one the plan or utt2num_samples was made from?"
        raise source.fault(f"has {handle.frames} samples, expected {start} to {stop}", remedy)
    if start:
        with _faults_of(source):
            handle.seek(start)
    return _next_samples(handle, source, start, stop, channel)


def _next_samples(handle: _OneRead, source: _Source, start: int, stop: int, channel: int | str | None) -> np.ndarray:
    """Samples ``start .. stop`` of a file that is at ``start``; see :func:`_read`."""
    # libsndfile turns plain 16-bit samples into floats one by one; numpy does it several times as fast.
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
    """Signed integers -> float32 in [-1, 1), as libsndfile scales them."""
    samples = pcm.astype(np.float32)
    samples *= np.float32(2.0 ** (1 - 8 * pcm.itemsize))
    return samples


def _one_channel(samples: np.ndarray, channel: int | str | None, source: _Source) -> np.ndarray:
    """(N, C) -> (N,): one channel or the mean of all. ``all``: as it is."""
    if channel == "all":
        return samples
    count = samples.shape[1]
    if channel is None and count > 1:
        how = (
            "at stage 2 (--channel 0)"
            if source.in_recipe
            else "by --channel 0 or --channel mean (in Python: channel=0)"
        )
        raise source.fault(f"has {count} channels, expected one; choose it {how}")
    if channel == "mean" and count > 1:
        return samples.mean(axis=1)
    channel = 0 if channel in (None, "mean") else channel
    if type(channel) is not int or not 0 <= channel < count:
        raise source.fault(f"has no channel {channel}, only {f'0 to {count - 1}' if count > 1 else 0}")
    return samples[:, 0] if count == 1 else np.ascontiguousarray(samples[:, channel])


def read_audio(value: str, name: str, start: int = 0, frames: int = -1, fs: int = 0) -> tuple[np.ndarray, int]:
    """Samples ``start .. start + frames`` (all when ``frames`` < 0) of a scp value as float32 (N,), and the rate in Hz.

    Raises:
        InputError: missing, undecodable, truncated, empty, not mono, not at ``fs`` Hz (0: any), NaN; names the place.
    """
    with _opened_value(value, name, thorough=frames < 0) as (handle, source):
        if fs and handle.samplerate != fs:
            raise source.fault(f"is at {handle.samplerate} Hz, expected {fs} Hz", "stage 2 resamples (--fs)")
        return _read(handle, source, start, frames), handle.samplerate


def read_whole(
    value: str, name: str, channel: int | str | None = None, allow_pipes: bool = False
) -> tuple[np.ndarray, int]:
    """As :func:`read_audio`, for the format stage: a channel is chosen, and commands may be run.

    Args:
        name: the id, which errors name.
        channel: None (refuse more than one), a number from 0, ``"mean"``, or ``"all"``: samples are (N, C) then.
        allow_pipes: run a value that is a command.
    """
    with _opened_value(value, name, allow_pipes) as (handle, source):
        return _read(handle, source, channel=channel), handle.samplerate


def read_file(path, name: str = "", channel: int | str | None = None) -> tuple[np.ndarray, int]:
    """As :func:`read_whole`, of a file, whatever it is called; ``name``: what errors call it beside its path."""
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
    """Why a recording cannot be used; empty if it can: one rule for recordings from all sources.

    Args:
        samples: (N,) floats.
        fs: rate in Hz.
        least: seconds that it must last.
    """
    low, high = (float(samples.min()), float(samples.max())) if len(samples) else (0.0, 0.0)
    # On the grid of 16 bits, which the format stage writes: a signal that is zero there is silent in any format.
    if low * 32768 >= -0.5 and high * 32768 <= 0.5 and len(samples):
        return "is digital silence"
    if len(samples) < max(1, least * fs):
        return f"lasts {len(samples) / fs:.4f} s, expected {least:g} s or more, which makes a few frames of 25 ms"
    if not (math.isfinite(low) and math.isfinite(high)):
        return "holds NaN or infinite samples"
    if (peak := max(-low, high)) > LOUDEST:
        return (
            f"peaks at {peak:.4g}, far beyond full scale: samples must lie in [-1, 1]; divide what has the scale of "
            "whole numbers by theirs (of 16 bits: 32768)"
        )
    return f"is constant ({low:.3g}), without sound" if round(low * 32768) == round(high * 32768) else ""


def check_usable(samples: np.ndarray, fs: int, what: str, remedy: str = "", least: float = LEAST_SECONDS) -> None:
    """Raise InputError, ``what`` first, where a recording is :func:`unusable`."""
    if why := unusable(samples, fs, least):
        raise InputError(f"{what} {why}{remedy and f'; {remedy}'}")


def _run(value: str, name: str) -> int:
    """Output of a scp command, a file descriptor of a file in memory."""
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
        method: ``soxr``, its high quality; or ``polyphase``, scipy's resample_poly, which published corpora are made
            with: its filter is short and passes some energy above the new band.
    """
    if rate == fs:
        return samples
    if method == "polyphase":
        from scipy.signal import resample_poly

        return resample_poly(samples.astype(np.float64), fs, rate).astype(np.float32)
    import soxr

    # soxr rounds to the nearest length; it takes what follows the end for zeros, so one more output costs nothing.
    padded = np.pad(samples, (0, math.ceil(rate / fs)))
    return soxr.resample(padded, rate, fs)[: math.ceil(len(samples) * fs / rate)]


def audio_files(folder) -> dict[str, Path]:
    """All audio below a folder, links followed: path without extension, relative to it -> file; C-sorted.

    Hidden files are none (other systems leave ``._a.wav`` beside ``a.wav``).

    Raises:
        InputError: folder missing or without audio, files that differ by extension only, a name unfit for a table.
    """
    folder = Path(folder)
    files: dict[str, Path] = {}
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; fix the path (db.sh, or an option of local/data.sh)")
    for path in files_below(folder):
        if path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".") and path.is_file():
            if _NO_NAME.search(str(path)):
                raise InputError(f"{str(path)!a}: has a control character in its name, or is not UTF-8; rename it")
            key = path.relative_to(folder).with_suffix("").as_posix()
            if key in files:
                raise InputError(f"{path}: the same name with another extension is there: {files[key].name}; keep one")
            files[key] = path
    if not files:
        raise InputError(f"{folder}: holds no audio ({', '.join(sorted(AUDIO_SUFFIXES))})")
    return {key: files[key] for key in c_sorted(files)}


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder and below the folders that links in it lead to, each of them once."""
    seen = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(root)) in seen:  # a link to a folder that is here already, or that holds the link
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield from (Path(root, name) for name in sorted(names))


class AudioTable:
    """Audio of formatted data dirs by id: one rate, one channel, no commands, no segments.

    Args:
        data_dirs: folders with ``wav.scp`` (and ``utt2num_samples``, else lengths come from the files' headers).
        fs: rate in Hz that every file must have; None takes them as they are.
        stream: of mixtures: ``wav``, or ``spk1``, ``noise1``, ... for another of their tables.
        keep: number of whole recordings that stay in memory (impulse responses are short and are read again).
        only: ids that will be read; nothing is kept of the others.

    Raises:
        InputError: a folder lacks its tables or has malformed ones, or one id names two recordings.
    """

    def __init__(
        self, *data_dirs, fs: int | None = None, stream: str = "wav", keep: int = 0, only: Container[str] | None = None
    ):
        self.fs, self._keep = fs, keep
        self._kept: dict[str, np.ndarray] = {}
        self.values: dict[str, str] = {}
        self._lengths: dict[str, int] = {}
        for path in map(Path, data_dirs):
            if os.path.lexists(path / "segments"):
                raise InputError(f"{path}: has segments; run the format stage (stage 2), which cuts them")
            table = read_table(path / f"{stream}.scp", only)
            if twice := [k for k, v in table.items() if self.values.get(k, v) != v]:
                raise InputError(f"{path / stream}.scp: id {twice[0]} names another recording in another data dir")
            self.values.update(table)
            if (path / "utt2num_samples").is_file() and not stream.startswith("enroll"):  # it is that of the mixtures
                self._lengths |= _lengths(path / "utt2num_samples", only)

    def keys(self) -> list[str]:
        """The ids, C-sorted."""
        return c_sorted(self.values)

    def _value(self, key: str) -> str:
        if key not in self.values:
            raise InputError(f"{key}: no such id in wav.scp; make the plan again from the present data dirs")
        return self.values[key]

    def num_samples(self, key: str) -> int:
        """Length in samples."""
        if key not in self._lengths:
            self._lengths[key] = audio_info(self._value(key), key).frames
        return self._lengths[key]

    def read(self, key: str, start: int = 0, frames: int = -1) -> np.ndarray:
        """Samples of an id as float32 (N,); see :func:`read_audio`. Another rate than ``fs`` is refused."""
        if (start, frames) != (0, -1) or not self._keep:
            return read_audio(self._value(key), key, start, frames, self.fs or 0)[0]
        if key not in self._kept:
            samples = read_audio(self._value(key), key, fs=self.fs or 0)[0]
            samples.flags.writeable = False
            if len(self._kept) == self._keep:
                del self._kept[next(iter(self._kept))]  # the one that has been there longest
            self._kept[key] = samples
        return self._kept[key]


def _lengths(path: Path, only: Container[str] | None) -> dict[str, int]:
    """``utt2num_samples``."""
    table = read_table(path, only)
    if bad := [f"{key} {length}" for key, length in table.items() if not _LENGTH.fullmatch(length)]:
        raise InputError(f"{path}: a length must be a number of samples: {some_of(bad, 3)}; run stage 2 again")
    return {key: int(length) for key, length in table.items()}
