"""A new data dir, written line by line in any order: tables are sorted on disk, so memory does not grow with them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import TextIO

from toolkit.io.atomic import random_number
from toolkit.io.audio import AudioInfo
from toolkit.io.errors import InputError, counted, is_text, shown
from toolkit.io.interchange.utterance import Utterance
from toolkit.io.text import fields, is_word, read_lines

_LONGEST = 1 << 20  # characters of a value
_OF_RECORDINGS = ("wav.scp", "reco2file_and_channel", "spk2gender")  # the same line may come several times
_MOST_TABLES = 64


@contextmanager
def new_folder(output) -> Iterator[tuple[Path, Path]]:
    """A folder that is complete or absent: ``(folder to write in, its final path)``. On success it is renamed.

    Raises:
        InputError: the final path is there and is not an empty folder.
    """
    final = Path(os.path.abspath(output))
    if os.path.lexists(final) and not (final.is_dir() and not any(final.iterdir())):
        raise InputError(f"{output}: is there already; give a new folder")
    aside = final.parent / f".{final.name}.{random_number()}.tmp"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside, final
        os.replace(aside, final)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def sort_file(path: Path, unique: bool = False) -> None:
    """Sort lines in the order of ``LC_ALL=C sort``, with a bounded memory."""
    words = ["sort", "-S", "64M", "-T", str(path.parent), *(["-u"] if unique else []), "-o", str(path), str(path)]
    subprocess.run(words, check=True, env={**os.environ, "LC_ALL": "C"})


class NewDataDir:
    """Writer of the tables of a data dir, to be used in ``with``: at the end the tables are sorted and checked.

    Args:
        folder: a folder that is there.
        prefix: put the speaker before each id that does not begin with it.
    """

    def __init__(self, folder: Path, prefix: bool = False):
        self.folder, self.prefix = folder, prefix
        self._files, self._stack = dict[str, TextIO](), ExitStack()
        self._lines: dict[str, int] = {}
        self._needs_segments = False
        self._sides = {True: "", False: ""}  # was a channel chosen? -> a recording of several channels

    def __enter__(self) -> "NewDataDir":
        return self

    def __exit__(self, kind, *fault) -> None:
        self._stack.close()
        if kind is None:
            self._finish()

    def line(self, table: str, key: str, value: str, where: str) -> None:
        """Add a line to a table. Raises InputError, which begins with ``where``, if no table can hold it."""
        if not is_word(key) or len(key) > _LONGEST:
            raise InputError(f"{where}: {shown(key)[:80]!r}: cannot be an id: must be one word")
        if not value.strip() or len(value) > _LONGEST or not is_text(value) or len(value.splitlines()) != 1:
            raise InputError(f"{where}: {table} of {key}: must be one line of text, not {value[:80]!r}")
        if table not in self._files:
            if len(self._files) >= _MOST_TABLES:
                raise InputError(f"{where}: {table}: is the table number {_MOST_TABLES + 1}; leave some out")
            file = open(self.folder / table, "w", encoding="utf-8")  # noqa: SIM115  the stack closes it
            self._files[table] = self._stack.enter_context(file)
            self._lines[table] = 0
        self._files[table].write(f"{key} {value.strip()}\n")
        self._lines[table] += 1

    @property
    def count(self) -> int:
        """Number of utterances so far."""
        return self._lines.get("utt2spk", 0)

    def name(self, key: str, speaker: str) -> str:
        """The id of an utterance in the tables."""
        return f"{speaker}-{key}" if self.prefix and not key.startswith(speaker) else key

    def add(self, utt: Utterance, where: str, whole: bool = False) -> None:
        """Add an utterance; ``whole``: it is its whole recording, whatever ``begin`` and ``end`` are."""
        key = self.name(utt.key, utt.speaker)
        self.line("utt2spk", key, utt.speaker, where)
        if not is_word(utt.speaker):
            raise InputError(f"{where}: speaker {utt.speaker[:80]!r} of {key}: must be one word")
        self.line(".speakers", utt.speaker, key, where)
        if utt.begin is not None and utt.end is not None:
            self.line("segments", key, f"{utt.recording} {utt.begin.normalize():f} {utt.end.normalize():f}", where)
        self._needs_segments |= not whole or key != utt.recording
        values = {"text": utt.text, **utt.facts}
        for table, value in values.items():
            if value is not None:
                self.line(table, key, value, where)
        if utt.gender is not None:
            self.line("spk2gender", utt.speaker, utt.gender, where)

    def side(self, recording: str, file: str, channel: int | None, info: AudioInfo, where: str) -> None:
        """Choose a channel, from 0, of a recording; None: no choice. Of one channel there is none."""
        if channel is not None and not 0 <= channel < info.channels:
            raise InputError(f"{where}: has no channel {channel}, only {counted(info.channels, 'channel')}")
        if info.channels > 1:
            self._sides[channel is not None] = recording
        name = "ABCDEFGH"[channel or 0] if (channel or 0) < 8 else str((channel or 0) + 1)
        self.line("reco2file_and_channel", recording, f"{file} {name}", where)

    def _finish(self) -> None:
        if "utt2spk" not in self._files:
            raise InputError("the input has no utterance; give one that has some")
        for table in self._files:
            sort_file(self.folder / table, unique=table in _OF_RECORDINGS)
        if self._sides[True] and self._sides[False]:
            raise InputError(f"{self._sides[False]}: has several channels of which none is chosen, as of others")
        needless = {"segments": not self._needs_segments, "reco2file_and_channel": not self._sides[True]}
        for table in [table for table, drop in needless.items() if drop]:
            (self.folder / table).unlink(missing_ok=True)
            self._files.pop(table, None)
        for table in self._files:
            if table != ".speakers":
                self._check_ids(table)
        self._check_complete()
        self._check_speakers()
        with open(self.folder / "spk2utt", "w", encoding="utf-8") as file:
            pairs = (line.split(" ", 1) for _, line in read_lines(self.folder / ".speakers"))
            for speaker, group in groupby(pairs, lambda pair: pair[0]):
                file.write(" ".join([speaker, *(utt for _, utt in group)]) + "\n")
        (self.folder / ".speakers").unlink()

    def _rows(self, table: str) -> Iterator[tuple[str, str]]:
        for _, line in read_lines(self.folder / table):
            key, value = fields(line, 1)
            yield key, value

    def _check_ids(self, table: str) -> None:
        before = None
        for key, _ in self._rows(table):
            if key == before:
                raise InputError(f"{table}: duplicate id {shown(key)}; ids must be unique")
            before = key

    def _check_complete(self) -> None:
        """Raise InputError unless every utterance is in each table of utterances."""
        total = self._lines["utt2spk"]
        for table in self._files:
            if table not in (*_OF_RECORDINGS, ".speakers") and self._lines[table] != total:
                raise InputError(
                    f"{table}: {total - self._lines[table]} of {total} utterances have none; give it to all or to none"
                )

    def _check_speakers(self) -> None:
        before = ""
        for key, speaker in self._rows("utt2spk"):
            if speaker.encode() < before.encode():
                raise InputError(
                    f"{key}: the id does not sort as its speaker {speaker} does; ids must begin with the speaker: give "
                    "--speaker_prefix, which puts it there"
                )
            before = speaker
