"""Open audio for reading: files, entries of arks, output of commands; every fault of a header is an InputError."""

import logging
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import soundfile

from toolkit.io.ark import AudioEntry, regular_size, split_place
from toolkit.io.containers import SHORT, contradicts_itself, is_short, repaired
from toolkit.io.errors import InputError
from toolkit.io.tails import uncounted_frames

# Of recordings that libsndfile does not read: phones, browsers and video.
OTHER_SUFFIXES = frozenset({".m4a", ".mp4", ".aac", ".amr", ".wma", ".webm", ".3gp", ".mov", ".mkv", ".m4b"})
_UNKNOWN_FRAMES = 2**62
_RATES = range(1000, 1_000_001)  # Hz; another rate means a damaged header, and resampling would exhaust the memory
_FRAMES_PER_BYTE = 6000  # above any codec's ratio, even for digital silence
_FIX_PATH, REPLACE = "fix the scp or the corpus path in db.sh", "replace the file or drop the utterance"


class Source(NamedTuple):
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


def check_start(table: Path, values: Mapping[str, str]) -> None:
    """Raise InputError if the relative paths of a scp begin at a folder above it, not at the current one.

    As in Kaldi, kaldiio and Lhotse they begin at the current folder; tables of recipes at that of the recipe.
    """
    first = next(iter(values.values()), "|")
    path = split_place(first)[0]
    if is_command(first) or os.path.isabs(path) or os.path.exists(path):
        return
    if start := next((folder for folder in table.absolute().parents if (folder / path).exists()), None):
        raise InputError(f"{table}: relative paths, as {path}, begin at {start}; run the command there (cd {start})")


class OneRead(soundfile.SoundFile):
    """An audio file for one seek and one read. soundfile seeks after each read, which makes flac decode again."""

    def seekable(self) -> bool:
        """False, so that soundfile does not seek after a read."""
        return False


@lru_cache(1000)
def _warn_once(message: str) -> None:
    """Log a warning, once for each recording."""
    logging.warning("%s", message)


@contextmanager
def opened_value(value: str, name: str, allow_pipes: bool = False, thorough: bool = True) -> Iterator:
    """Open a scp value for reading and check its header; every fault is an InputError with id and value."""
    source = Source(f"{name}: {value}", True, thorough)
    path, offset = split_place(value)
    with ExitStack() as stack:
        if is_command(value):
            if not allow_pipes:
                raise InputError(
                    f"{name}: is a command ({value}); only the format stage (stage 2) runs commands, with "
                    "--allow_pipes (in a recipe: --format_opts --allow_pipes); use it only if you trust the data dir"
                )
            output = _run(value, name)
            source = Source(f"{name}: command output: {value}", True)
            stack.callback(os.close, output)
            yield _checked_file(f"/proc/self/fd/{output}", source, stack), source
        elif offset is None:
            yield _checked_file(value, source, stack), source
        else:
            yield _checked_entry(path, offset, source, stack), source


@contextmanager
def opened_file(path, name: str = "") -> Iterator:
    """As :func:`opened_value`, for a file that a user named or that a folder holds."""
    if not isinstance(path, str | os.PathLike):  # soundfile takes a number for a file descriptor
        raise InputError(f"{path!r:.80}: must be the path of a file")
    source = Source(f"{name}: {path}" if name else str(path), bool(name))
    with ExitStack() as stack:
        yield _checked_file(path, source, stack), source


@contextmanager
def faults_of(source: Source) -> Iterator[None]:
    """Turn errors of the system and of the decoder into InputErrors."""
    try:
        yield
    except FileNotFoundError:
        raise source.fault("no such file", _FIX_PATH) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise source.fault(why if why.startswith("is ") else f"cannot be read: {why}", _FIX_PATH) from None
    except soundfile.LibsndfileError as error:
        what = f"cannot be decoded ({error.error_string.strip()})"
        if Path(source.where).suffix.lower() in OTHER_SUFFIXES:
            what += "; convert it: ffmpeg -i recording.m4a recording.wav"
        raise source.fault(what, REPLACE) from None
    except ValueError as error:  # a part of a concatenated file is cut off, or the path holds a NUL
        raise source.fault(str(error)) from None


def _checked_file(path, source: Source, stack: ExitStack) -> OneRead:
    """Open a file and check its header; ``stack`` closes it."""
    with faults_of(source):
        if not (size := regular_size(path)):
            raise source.fault("is empty", REPLACE)
        name = os.fsencode(path)
        if name.lower().endswith(b".raw"):  # soundfile reads any such file as headerless
            raise source.fault("is audio without a header, so its rate is unknown; convert it to wav", REPLACE)
        handle = stack.enter_context(OneRead(b"./-" if name == b"-" else name))  # "-" is standard input
        if source.thorough and (copy := repaired(path, handle)):
            descriptor, what = copy
            stack.callback(os.close, descriptor)
            path = f"/proc/self/fd/{descriptor}"
            handle, size = stack.enter_context(OneRead(path)), regular_size(path)
            _warn_once(f"{source.where}: {what}; all of it is read, {handle.frames / handle.samplerate:.2f} s")
        return _checked(handle, size, partial(_read_at, path), source)


def _read_at(path, place: int, count: int) -> bytes:
    """``count`` bytes of a file from ``place``."""
    with open(path, "rb") as file:
        file.seek(place)
        return file.read(count)


def _checked_entry(path: str, offset: int, source: Source, stack: ExitStack) -> OneRead:
    """Open an entry of an ark and check its header; ``stack`` closes it."""
    with faults_of(source):
        try:
            entry = stack.enter_context(closing(AudioEntry(path, offset)))
        except InputError as error:
            raise InputError(f"{source.where.removesuffix(f'{path}:{offset}')}{error}") from None
        return _checked(stack.enter_context(OneRead(entry)), entry.size, entry.read_at, source)


def _checked(handle: OneRead, size: int, read_at: Callable[[int, int], bytes], source: Source) -> OneRead:
    """The handle. Raises InputError if its header promises more than the ``size`` bytes can hold."""
    if is_short(handle, size, read_at):
        raise source.fault(SHORT)
    if contradicts_itself(handle):
        raise source.fault("its header contradicts itself: bits of a sample and bytes of a frame; convert it to flac")
    if handle.frames == 0:
        raise source.fault("holds no samples", REPLACE)
    if source.thorough and (more := uncounted_frames(handle, size, read_at)):
        raise source.fault(
            f"its header counts {handle.frames} samples, the file holds about {handle.frames + more}; if the rest is "
            "audio, rewrite it (sox --ignore-length in.wav out.wav), else cut it off"
        )
    if handle.frames >= _UNKNOWN_FRAMES:
        raise source.fault("its header does not say how long it is; encode it to a regular file, or as wav")
    if handle.frames > _FRAMES_PER_BYTE * size:
        raise source.fault(f"its header promises {handle.frames} samples, more than {size} bytes can hold", REPLACE)
    if handle.samplerate not in _RATES:
        raise source.fault(f"is at {handle.samplerate} Hz, expected {_RATES[0]} to {_RATES[-1]} Hz", REPLACE)
    return handle


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
