"""Audio by id: wav, flac, opus, ... files and audio inside arks, whole or in part, checked.

A scp value is a path, ``file.ark:offset``, or (at the format stage only) a command ending in ``|`` whose output is audio.
"""

import io
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from toolkit.io.ark import read_audio_bytes
from toolkit.io.datadir import c_sorted, read_table
from toolkit.io.errors import InputError

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".opus", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".w64"})
_IN_ARK = re.compile(r"(.+):(\d+)$")


@dataclass(frozen=True)
class AudioInfo:
    """Length in samples, rate in Hz, channels."""

    frames: int
    rate: int
    channels: int


def is_command(value: str) -> bool:
    """Is a scp value a shell command (``sox in.wav -t wav - |``)?"""
    return value.rstrip().endswith("|")


def _open(value: str, name: str, run_commands: bool = False) -> soundfile.SoundFile:
    """Open a scp value for reading; every fault becomes an InputError naming id and file."""
    in_ark = _IN_ARK.fullmatch(value)
    try:
        if is_command(value):
            if not run_commands:
                raise InputError(f"{name}: is a command ({value}); commands are run by the format stage (stage 3) only")
            return soundfile.SoundFile(io.BytesIO(_run(value, name)))
        if not in_ark:
            return soundfile.SoundFile(value)
        data = read_audio_bytes(in_ark[1], int(in_ark[2]))
        if not data:
            raise InputError(f"{name}: {value}: holds no audio; run the stage that wrote it again")
        return soundfile.SoundFile(io.BytesIO(data))
    except FileNotFoundError:
        raise InputError(f"{name}: {value}: no such file; mend the scp or the corpus path in db.sh") from None
    except soundfile.LibsndfileError as error:
        path = Path(in_ark[1] if in_ark else value)
        if is_command(value):
            raise InputError(f"{name}: command's output is not audio: {value}") from None
        if not path.exists():
            raise InputError(f"{name}: {value}: no such file; mend the scp or the corpus path in db.sh") from None
        why = "is empty" if path.stat().st_size == 0 else f"cannot be decoded ({error.error_string.strip()})"
        raise InputError(f"{name}: {value}: {why}; replace the file or drop the utterance") from None


def audio_info(value: str, name: str) -> AudioInfo:
    """Length, rate and channels of a scp value, from its header."""
    with _open(value, name) as handle:
        return AudioInfo(handle.frames, handle.samplerate, handle.channels)


def _read(handle: soundfile.SoundFile, value: str, name: str, start: int, frames: int) -> np.ndarray:
    """Mono float32 samples of an open file, checked against its header."""
    if handle.channels != 1:
        raise InputError(
            f"{name}: {value}: has {handle.channels} channels, one is wanted; choose one at stage 3 (--channel 0)"
        )
    wanted = handle.frames - start if frames < 0 else frames
    try:
        if start:
            handle.seek(start)
        samples = handle.read(wanted, dtype="float32")
    except soundfile.LibsndfileError as error:
        raise InputError(f"{name}: {value}: cannot be decoded ({error.error_string.strip()}); replace it") from None
    if len(samples) != wanted:
        raise InputError(
            f"{name}: {value}: ends after {start + len(samples)} of {start + wanted} samples; the file is truncated"
        )
    return samples


def read_audio(value: str, name: str, start: int = 0, frames: int = -1) -> tuple[np.ndarray, int]:
    """Samples ``start .. start + frames`` (all when ``frames`` < 0) as float32 (N,), and the rate in Hz.

    Raises:
        InputError: missing, undecodable, truncated, not mono, or with NaN samples; names the id and the file.
    """
    with _open(value, name) as handle:
        samples = _read(handle, value, name, start, frames)
        rate = handle.samplerate
    if not np.isfinite(samples).all():
        raise InputError(f"{name}: {value}: holds NaN or infinite samples; replace the file or drop the utterance")
    return samples, rate


def read_whole(value: str, name: str, channel: int | str | None = None) -> tuple[np.ndarray, int]:
    """As :func:`read_audio`, for the format stage: commands are run, headers are checked, a channel is chosen.

    Args:
        channel: None (refuse more than one), a number from 0, or ``"mean"``.
    """
    with _open(value, name, run_commands=True) as handle:
        # libsndfile shortens a truncated wav silently; its log alone tells what the header had promised.
        if re.search(r"data\s*:\s*\d+ \(should be \d+\)", handle.extra_info) and not is_command(value):
            raise InputError(f"{name}: {value}: is shorter than its header says; the file is truncated")
        if handle.frames == 0:
            raise InputError(f"{name}: {value}: holds no samples; replace the file or drop the utterance")
        if channel is None or handle.channels == 1:
            samples = _read(handle, value, name, 0, -1)
        else:
            samples = _pick(handle.read(dtype="float32", always_2d=True), channel, value, name)
        rate = handle.samplerate
    if not np.isfinite(samples).all():
        raise InputError(f"{name}: {value}: holds NaN or infinite samples; replace the file or drop the utterance")
    return samples, rate


def _pick(samples: np.ndarray, channel: int | str, value: str, name: str) -> np.ndarray:
    """One channel, or the mean of all, of (N, C) samples."""
    if channel == "mean":
        return samples.mean(axis=1)
    if int(channel) >= samples.shape[1]:
        raise InputError(f"{name}: {value}: has no channel {channel}, only 0..{samples.shape[1] - 1}")
    return np.ascontiguousarray(samples[:, int(channel)])


def _run(value: str, name: str) -> bytes:
    """Output of a scp command."""
    command = value.rstrip()[:-1]
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True)
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise InputError(f"{name}: command failed (exit {done.returncode}): {command}{': ' + said[0] if said else ''}")
    return done.stdout


def audio_files(folder) -> dict[str, Path]:
    """All audio below a folder: path without extension, relative to it -> file; C-sorted.

    Raises:
        InputError: the folder is missing, holds no audio, or two files differ in their extension only.
    """
    folder, files = Path(folder), {}
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; mend the path (db.sh, or an option of local/data.sh)")
    for path in folder.rglob("*"):
        if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file():
            key = path.relative_to(folder).with_suffix("").as_posix()
            if key in files:
                raise InputError(f"{path}: the same name with another extension is there: {files[key].name}; keep one")
            files[key] = path
    if not files:
        raise InputError(f"{folder}: holds no audio ({', '.join(sorted(AUDIO_SUFFIXES))})")
    return {key: files[key] for key in c_sorted(files)}


class AudioTable:
    """Audio of formatted data dirs by id: one rate, one channel, no commands, no segments.

    Args:
        data_dirs: folders with ``wav.scp`` (and ``utt2num_samples``, else lengths come from the files' headers).
        fs: rate in Hz that every file must have; None takes them as they are.

    Raises:
        InputError: a folder lacks its tables, or one id names two recordings.
    """

    def __init__(self, *data_dirs, fs: int | None = None):
        self.fs = fs
        self.values: dict[str, str] = {}
        self._lengths: dict[str, int] = {}
        for path in map(Path, data_dirs):
            if (path / "segments").is_file():
                raise InputError(f"{path}: has segments; run the format stage (stage 3), which cuts them")
            table = read_table(path / "wav.scp")
            twice = [k for k, v in table.items() if self.values.get(k, v) != v]
            if twice:
                raise InputError(f"{path / 'wav.scp'}: id {twice[0]} names another recording in another data dir")
            self.values.update(table)
            if (path / "utt2num_samples").is_file():
                self._lengths.update((k, int(v)) for k, v in read_table(path / "utt2num_samples").items())

    def keys(self) -> list[str]:
        """The ids, C-sorted."""
        return c_sorted(self.values)

    def _value(self, key: str) -> str:
        try:
            return self.values[key]
        except KeyError:
            raise InputError(f"{key}: no such id in wav.scp; make the plan again from the present data dirs") from None

    def num_samples(self, key: str) -> int:
        """Length in samples."""
        if key not in self._lengths:
            self._lengths[key] = audio_info(self._value(key), key).frames
        return self._lengths[key]

    def read(self, key: str, start: int = 0, frames: int = -1) -> np.ndarray:
        """Samples of an id as float32 (N,); see :func:`read_audio`. Another rate than ``fs`` is refused."""
        value = self._value(key)
        samples, rate = read_audio(value, key, start, frames)
        if self.fs and rate != self.fs:
            raise InputError(f"{key}: {value}: is at {rate} Hz, {self.fs} Hz is wanted; stage 3 resamples (--fs)")
        return samples
