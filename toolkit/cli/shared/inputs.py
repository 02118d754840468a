"""The recordings that a command names: files, folders, globs, scp files, data dirs, standard input."""

import glob
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from toolkit.io.audio import AudioInfo, audio_info, file_blocks, file_info, value_blocks
from toolkit.io.datadir import read_table
from toolkit.io.errors import InputError, is_text, some_of
from toolkit.io.folders import audio_files, files_below, read_speech, word
from toolkit.io.opening import OTHER_SUFFIXES, check_start, is_command
from toolkit.io.samples import resampled_blocks
from toolkit.systems.signals import regrouped

STDIN = "-"


@dataclass(frozen=True)
class Input:
    """A recording.

    Attributes:
        name: what messages and results call it.
        key: name of its output, without extension; may hold folders.
        value: path, or value of a scp file.
        table: path of the scp file that has the value, which may be ``file.ark:offset``; empty: a file.
    """

    name: str
    key: str
    value: str
    table: str = ""

    def info(self) -> AudioInfo:
        """Length, rate and channels; InputError where the recording cannot be read."""
        return audio_info(self.value, self.key) if self.table else file_info(self.value)

    def blocks(self, seconds: float, channel: int | str | None = None) -> Iterator[np.ndarray]:
        """Consecutive samples (N_i,) of ``seconds`` each; (N_i, C) with channel ``all``."""
        if self.table:
            return value_blocks(self.value, seconds, self.key, channel)
        return file_blocks(self.value, seconds, channel=channel)

    def blocks_at(self, fs: int, seconds: float, channel: int | str | None = None) -> Iterator[np.ndarray]:
        """As :meth:`blocks`, of one channel, at another rate in Hz; only the last block may be shorter.

        Several channels that are equal count as one. InputError where they differ and no channel is chosen.
        """
        info = self.info()
        if channel is None and info.channels > 1:
            self._check_equal_channels(seconds)
            channel = 0
        # The resampler holds the end of a block back; its pieces become blocks again.
        return regrouped(resampled_blocks(self.blocks(seconds, channel), info.rate, fs), round(seconds * fs))

    def _check_equal_channels(self, seconds: float) -> None:
        for block in self.blocks(seconds, "all"):
            if (block != block[:, :1]).any():
                raise InputError(
                    f"{self.name}: has {block.shape[1]} channels that differ; choose one by --channel 0, or their mean "
                    "by --channel mean"
                )


def file_input(path: str) -> Input:
    """A file, whatever its name: one of another person, named as a table, must not read the files that it lists."""
    return Input(path, Path(path).stem or Path(path).name, path)


def inputs_of(words: Sequence[str]) -> list[Input]:
    """The recordings that words of the command line name, in their order.

    Raises:
        InputError: nothing is there, or a glob or a folder has no audio.
    """
    inputs = [recording for word in words for recording in _inputs_of_word(word)]
    return inputs if len({recording.key for recording in inputs}) == len(inputs) else _told_apart(inputs)


def _told_apart(inputs: list[Input]) -> list[Input]:
    """Files of one name in several folders get the names of their folders, below the one that holds all, into their
    keys."""
    files = [os.path.abspath(recording.value) for recording in inputs if _is_file(recording)]
    common = os.path.commonpath([os.path.dirname(file) for file in files]) if files else ""
    return [
        replace(i, key=os.path.relpath(os.path.splitext(os.path.abspath(i.value))[0], common)) if _is_file(i) else i
        for i in inputs
    ]


def _is_file(recording: Input) -> bool:
    return not recording.table and recording.value != STDIN


def check_keys(inputs: Sequence[Input]) -> None:
    """Raise InputError where the outputs of two recordings would have one name."""
    first: dict[str, Input] = {}
    for recording in inputs:
        other = first.setdefault(recording.key, recording)
        if other is not recording:
            raise InputError(
                f"{recording.name}: its output would be named {recording.key}, as that of {other.name}; rename one, "
                "or give them in two commands"
            )


def with_ids(inputs: Sequence[Input]) -> list[Input]:
    """The same with ids for keys: those of tables stay; of files they are paths without blanks.

    Raises:
        InputError: two have one id.
    """
    named = [recording if recording.table else replace(recording, key=word(recording.key)) for recording in inputs]
    check_keys(named)
    return named


def _inputs_of_word(word: str) -> list[Input]:
    if word == STDIN:
        return [Input(STDIN, "stdin", STDIN)]
    path = Path(word)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:
        raise InputError(f"{word[:200]!a}: cannot be a path ({error})") from None
    if is_folder:
        table = path / "wav.scp"
        return _inputs_of_table(table) if table.is_file() else _inputs_of_folder(path)
    if path.suffix == ".scp":
        return _inputs_of_table(path)
    if not exists and glob.has_magic(word):
        if not (names := sorted(glob.glob(word, recursive=True))):
            raise InputError(f"{word}: no file matches")
        if odd := [name for name in names if not is_text(name)]:
            raise InputError(f"{word}: {odd[0]!a}: the name is not UTF-8; rename it")
        return [recording for name in names for recording in _inputs_of_word(name)]
    if not exists:
        raise InputError(f"{word}: no such file")
    return [file_input(word)]


def _inputs_of_folder(folder: Path) -> list[Input]:
    if others := [path for path in files_below(folder) if path.suffix.lower() in OTHER_SUFFIXES]:
        names = some_of([path.name for path in others], 3)
        logging.warning("%s: passed over: %s; convert them: ffmpeg -i recording.m4a recording.wav", folder, names)
    return [Input(str(path), key, str(path)) for key, path in audio_files(folder).items()]


def _inputs_of_table(path: Path) -> list[Input]:
    """Of a scp file; as in recipes, commands are not run and segments are cut by the format stage."""
    if (path.parent / "segments").exists():
        raise InputError(f"{path.parent}: has segments; run the format stage (stage 2), which cuts them")
    table = read_table(path)
    check_start(path, table)
    for key, value in table.items():
        if is_command(value):
            raise InputError(f"{path}: {key} is a command ({value}); run it, and name the file that it makes")
        if key.startswith("/") or os.path.normpath(f"/{key}") != f"/{key}":  # a//b is the file a/b
            raise InputError(f"{path}: id {key} cannot be the name of an output; rename it")
    return [Input(f"{path}: {key}", key, value, str(path)) for key, value in table.items()]


def speakers_of(folder: str) -> dict[str, list[Input]]:
    """Speaker -> recordings, of a folder that has a folder for each speaker.

    Raises:
        InputError: the folder is missing or holds no audio, or a file lies in no speaker's folder.
    """
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder; give one that has a folder of recordings for each speaker")
    speech = read_speech(Path(folder))
    speakers: dict[str, list[Input]] = {}
    for utt, speaker in speech.utt2spk.items():
        speakers.setdefault(speaker, []).append(Input(str(speech.wav[utt]), utt, str(speech.wav[utt])))
    return speakers


@contextmanager
def readable(inputs: Sequence[Input]) -> Iterator[list[Input]]:
    """The same; standard input is in a temporary file until the end: decoders need to move in it.

    Raises:
        InputError: standard input is closed, empty, or named twice.
    """
    if [recording.name for recording in inputs].count(STDIN) > 1:
        raise InputError("-: standard input is named twice; name it once")
    if all(recording.name != STDIN for recording in inputs):
        yield list(inputs)
        return
    if sys.stdin is None:
        raise InputError("-: standard input is closed; pipe a wav, flac, ... file into it")
    with tempfile.NamedTemporaryFile(prefix="stdin-") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        if not file.tell():
            raise InputError("-: standard input is empty; pipe a wav, flac, ... file into it")
        yield [replace(i, value=file.name) if i.name == STDIN else i for i in inputs]
