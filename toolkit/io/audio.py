"""Audio by id: wav, flac, opus, ... files and audio inside arks, whole or in part, checked.

A scp value is a path, ``file.ark:offset``, or (at the format stage only) a command ending in ``|`` that prints audio.
"""

import io
import math
import os
import re
import subprocess
from collections.abc import Container, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from toolkit.io.ark import AudioEntry
from toolkit.io.datadir import c_sorted, read_table
from toolkit.io.errors import InputError

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".opus", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".w64"})
_NO_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # what no line of a table can hold
_IN_ARK = re.compile(r"(.+):(\d{1,18})$")
# libsndfile's log of a wav, au, aiff or w64 file whose header promises more bytes than there are.
_SHORTENED = re.compile(r"(?:data|Data Size|SSND|riff)\s*:\s*(\d+) \(should be (\d+)\)")
# Programs that write to a pipe do not know the length yet and put about the largest number there is.
_UNKNOWN_BYTES = 0x7FFFF000
_UNKNOWN_FRAMES = 2**62
_MEND, _REPLACE = "mend the scp or the corpus path in db.sh", "replace the file or drop the utterance"


@dataclass(frozen=True)
class AudioInfo:
    """Length in samples, rate in Hz, channels."""

    frames: int
    rate: int
    channels: int


def is_command(value: str) -> bool:
    """Is a scp value a shell command (``sox in.wav -t wav - |``)?"""
    return value.rstrip().endswith("|")


def _fault(value: str, name: str, what: str, remedy: str = "") -> InputError:
    """A recording's error. One without an id was named by hand: what to do in a recipe's tables is left out."""
    return InputError(f"{name}: {value}: {what}{remedy and f'; {remedy}'}" if name else f"{value}: {what}")


class _OneRead(soundfile.SoundFile):
    """An audio file for one seek and one read: soundfile would seek again after the read, and flac decode once more."""

    def seekable(self) -> bool:
        """What soundfile asks before such a seek."""
        return False


@contextmanager
def _opened(value: str, name: str, run_commands: bool = False) -> Iterator[soundfile.SoundFile]:
    """Open a scp value for reading and check its header; every fault becomes an InputError naming id and file."""
    with ExitStack() as stack:
        handle = stack.enter_context(_open(value, name, run_commands, stack))
        # libsndfile shortens a truncated file silently; its log alone tells what the header had promised.
        promise = _SHORTENED.search(handle.extra_info)
        if promise and int(promise[2]) < int(promise[1]) < _UNKNOWN_BYTES:
            raise _fault(value, name, "is shorter than its header says; the file is truncated, get it again")
        if handle.frames == 0:
            raise _fault(value, name, "holds no samples", _REPLACE)
        if handle.frames >= _UNKNOWN_FRAMES:
            raise _fault(value, name, "its header does not say how long it is; encode it to a file, or as wav")
        yield handle


def _open(value: str, name: str, run_commands: bool, stack: ExitStack) -> soundfile.SoundFile:
    """The opened file; ``stack`` closes what it is read from."""
    in_ark = _IN_ARK.fullmatch(value)
    try:
        if is_command(value):
            if not run_commands:
                raise InputError(f"{name}: is a command ({value}); commands are run by the format stage (stage 3) only")
            return _OneRead(io.BytesIO(_run(value, name)))
        if not in_ark:
            return _OneRead(value)
        try:
            entry = AudioEntry(in_ark[1], int(in_ark[2]))
        except InputError as error:
            raise InputError(f"{name}: {error}" if name else str(error)) from None
        return _OneRead(stack.enter_context(closing(entry)))
    except FileNotFoundError:
        raise _fault(value, name, "no such file", _MEND) from None
    except OSError as error:
        raise _fault(value, name, f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise _fault(value, name, f"is not the name of a file ({error})", _MEND) from None
    except soundfile.LibsndfileError as error:
        path = Path(in_ark[1] if in_ark else value)
        if is_command(value):
            raise InputError(f"{name}: command's output is not audio: {value}") from None
        if os.path.isdir(path) or not os.path.exists(path):  # False, too, for a name that no file can have
            raise _fault(value, name, "is a folder" if os.path.isdir(path) else "no such file", _MEND) from None
        why = "is empty" if path.stat().st_size == 0 else f"cannot be decoded ({error.error_string.strip()})"
        raise _fault(value, name, why, _REPLACE) from None


def audio_info(value: str, name: str, run_commands: bool = False) -> AudioInfo:
    """Length, rate and channels of a scp value, from its header; of a command's output if commands may be run."""
    with _opened(value, name, run_commands) as handle:
        return AudioInfo(handle.frames, handle.samplerate, handle.channels)


def _read(handle, value: str, name: str, start=0, frames=-1, channel: int | str | None = None) -> np.ndarray:
    """Mono float32 samples of an open file, checked against its header."""
    stop = handle.frames if frames < 0 else start + frames
    if not 0 <= start <= stop <= handle.frames:
        remedy = "is it another file than the one the plan or utt2num_samples was made from?"
        raise _fault(value, name, f"has {handle.frames} samples, {start} to {stop} are wanted", remedy)
    try:
        if start:
            handle.seek(start)
        # libsndfile turns plain 16-bit samples into floats one by one; numpy does it several times as fast.
        plain = handle.subtype == "PCM_16" and handle.format != "FLAC"
        samples = handle.read(stop - start, dtype="int16" if plain else "float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise _fault(value, name, f"cannot be decoded ({error.error_string.strip()})", "replace it") from None
    if len(samples) != stop - start:
        raise _fault(value, name, f"ends after {start + len(samples)} of {stop} samples; the file is truncated")
    samples = _one_channel(_to_float(samples) if plain else samples, channel, value, name)
    if not (handle.subtype.startswith("PCM") or np.isfinite(samples).all()):
        raise _fault(value, name, "holds NaN or infinite samples", _REPLACE)
    return samples


def _to_float(pcm: np.ndarray) -> np.ndarray:
    """16-bit integers -> float32 in [-1, 1), as libsndfile scales them."""
    samples = pcm.astype(np.float32)
    samples *= np.float32(1 / 32768)
    return samples


def _one_channel(samples: np.ndarray, channel: int | str | None, value: str, name: str) -> np.ndarray:
    """(N, C) -> (N,): one channel or the mean of all; a file with one channel gives that one. ``all``: as it is."""
    if channel == "all":
        return samples
    count = samples.shape[1]
    if count == 1:
        return samples[:, 0]
    if channel is None:
        how = "at stage 3 (--channel 0)" if name else "by --channel 0 or --channel mean (in Python: channel=0)"
        raise _fault(value, name, f"has {count} channels, one is wanted; choose one {how}")
    if channel == "mean":
        return samples.mean(axis=1)
    if not (isinstance(channel, int) and 0 <= channel < count):
        raise _fault(value, name, f"has no channel {channel}, only 0 to {count - 1}")
    return np.ascontiguousarray(samples[:, channel])


def read_audio(value: str, name: str, start: int = 0, frames: int = -1, fs: int = 0) -> tuple[np.ndarray, int]:
    """Samples ``start .. start + frames`` (all when ``frames`` < 0) as float32 (N,), and the rate in Hz.

    Raises:
        InputError: missing, undecodable, truncated, empty, not mono, not at ``fs`` Hz (0: any), NaN; says where.
    """
    with _opened(value, name) as handle:
        if fs and handle.samplerate != fs:
            raise _fault(value, name, f"is at {handle.samplerate} Hz, {fs} Hz is wanted", "stage 3 resamples (--fs)")
        return _read(handle, value, name, start, frames), handle.samplerate


def read_whole(value: str, name: str, channel: int | str | None = None) -> tuple[np.ndarray, int]:
    """As :func:`read_audio`, for the format stage: commands are run, a channel is chosen.

    Args:
        name: the id, which errors name; "" of a file that was named by hand.
        channel: None (refuse more than one), a number from 0, ``"mean"``, or ``"all"``: samples are (N, C) then.
    """
    with _opened(value, name, run_commands=True) as handle:
        return _read(handle, value, name, channel=channel), handle.samplerate


def _run(value: str, name: str) -> bytes:
    """Output of a scp command."""
    command = value.rstrip()[:-1]
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode or not done.stdout:
        why = f"failed (exit {done.returncode})" if done.returncode else "printed nothing"
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise InputError(f"{name}: command {why}: {command}{': ' + said[0] if said else ''}")
    return done.stdout


def resample(samples: np.ndarray, rate: int, fs: int, method: str = "soxr") -> np.ndarray:
    """(N,) at ``rate`` Hz -> (N * fs / rate rounded up,) at ``fs`` Hz.

    Args:
        method: ``soxr``, its high quality; or ``polyphase``, scipy's resample_poly, which published corpora are made
            with: its filter is short and lets some of what is above the new band through.
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
    folder, files = Path(folder), {}
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; mend the path (db.sh, or an option of local/data.sh)")
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
        keep: so many recordings that were read whole stay in memory (impulse responses are short and met again).
        only: ids that will be asked for; of the others nothing is kept.

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
            if (path / "segments").is_file():
                raise InputError(f"{path}: has segments; run the format stage (stage 3), which cuts them")
            table = read_table(path / f"{stream}.scp", only)
            if twice := [k for k, v in table.items() if self.values.get(k, v) != v]:
                raise InputError(f"{path / stream}.scp: id {twice[0]} names another recording in another data dir")
            self.values.update(table)
            if (path / "utt2num_samples").is_file() and not stream.startswith("enroll"):  # it is that of the mixtures
                self._lengths |= _lengths(path / "utt2num_samples", only)

    def keys(self) -> list[str]:
        """The ids, C-sorted."""
        return c_sorted(self.values)

    def renamed(self, ids: Mapping[str, str]) -> "AudioTable":
        """Some of the recordings by other ids; ``ids`` are new id -> id here."""
        table = AudioTable(fs=self.fs, keep=self._keep)
        table.values = {new: self._value(old) for new, old in ids.items()}
        table._lengths = {new: self._lengths[old] for new, old in ids.items() if old in self._lengths}
        return table

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
    try:
        lengths = {key: int(length) for key, length in read_table(path, only).items()}
    except ValueError as error:
        raise InputError(f"{path}: a length is no number ({error}); run stage 3 again") from None
    if odd := [key for key, length in lengths.items() if length < 1]:
        raise InputError(f"{path}: {odd[0]}: a length must be at least 1; run stage 3 again")
    return lengths
