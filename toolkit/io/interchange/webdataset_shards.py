"""WebDataset shards: tar files with the audio, a .json and a .txt of each utterance; read and written one by one."""

import io
import json
import logging
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

from toolkit.io.audio import audio_info
from toolkit.io.errors import InputError, shown
from toolkit.io.files import misfit, parse_json
from toolkit.io.folders import AUDIO_SUFFIXES, word
from toolkit.io.interchange.encoded_audio import append_entry, encoded, exactly_encoded, file_name
from toolkit.io.interchange.new_data_dir import NewDataDir, new_folder
from toolkit.io.interchange.utterance import AUDIO_STREAM, DERIVED, FACT, Source, Utterance
from toolkit.io.opening import is_command

_LONGEST_TEXT = 1 << 24  # bytes of a .json or .txt
_TEXT = (str, None)
_JSON: dict[str, Any] = {"id?": str, "speaker?": _TEXT, "text?": _TEXT, "gender?": _TEXT, "channel?": (int, None)}
_JSON |= {"tables?": {...: str}}


class _Shards:
    """Numbered tar files, each closed when it has ``size`` bytes; members have no time and no owner."""

    def __init__(self, folder: Path, size: float):
        self.folder, self.size, self.count = folder, size, 0
        self._tar: tarfile.TarFile | None = None

    def open(self) -> None:
        """Make room for the next utterance: in this shard, or in a new one."""
        if self._tar is not None and self._tar.offset >= self.size:
            self.close()
        if self._tar is None:
            path = self.folder / f"shard-{self.count:06d}.tar"
            self._tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  closed by close()
            self.count += 1

    def add(self, name: str, content: BinaryIO, size: int) -> None:
        """Add a member."""
        assert self._tar is not None, "opened"
        member = tarfile.TarInfo(name)
        member.size = size
        self._tar.addfile(member, content)
        self._tar.members = []  # type: ignore[attr-defined]  # tarfile keeps them

    def close(self) -> None:
        """Complete the last shard."""
        if self._tar is not None:
            self._tar.close()
        self._tar = None


def write_shards(data_dir, output, shard_mb: float = 500) -> int:
    """Write ``shard-000000.tar``, ... of a data dir; returns the number of utterances.

    Members of an utterance: ``<id>.flac`` (or its container), streams of a mixture as ``<id>.spk1.flac``, ``<id>.json``
    and, where the text is known, ``<id>.txt``. Whole recordings are copied as they are encoded. Segments are cut and
    encoded without loss. An id that is no file name is escaped (``%2E``), and given in the .json.

    Raises:
        InputError: the data dir breaks a rule or holds commands, or ``output`` is there.
    """
    source = Source(data_dir)
    streams = {stream: source.data.table(f"{stream}.scp") for stream in source.streams}
    with new_folder(output) as (aside, _):
        shards = _Shards(aside, shard_mb * 1e6)
        try:
            for utt in source.utterances():
                shards.open()
                name = file_name(utt.key)
                tables = dict(utt.facts)
                _add_audio(shards, name, source, utt)
                for stream, values in streams.items():
                    if values[utt.key].startswith("*"):  # draws an enrolment
                        tables[f"{stream}.scp"] = values[utt.key]
                        continue
                    with encoded(values[utt.key], utt.key) as (file, size, suffix):
                        shards.add(f"{name}.{stream}.{suffix}", file, size)
                _add_facts(shards, name, utt, tables)
        finally:
            shards.close()
    return len(source.ids)


def _add_audio(shards: _Shards, name: str, source: Source, utt: Utterance) -> None:
    value = source.wav[utt.recording]
    with encoded(value, utt.key) as (file, size, suffix):
        if utt.begin is None:
            shards.add(f"{name}.{suffix}", file, size)
            return
    samples, rate = source.samples(utt.key)
    content, suffix = exactly_encoded(samples, rate)
    shards.add(f"{name}.{suffix}", io.BytesIO(content), len(content))


def _add_facts(shards: _Shards, name: str, utt: Utterance, tables: dict[str, str]) -> None:
    facts: dict[str, Any] = {"id": utt.key, "speaker": utt.speaker, "text": utt.text, "gender": utt.gender}
    facts["tables"] = tables or None
    if utt.begin is None:
        facts["channel"] = utt.channel
    else:  # it is cut, and its channel chosen
        facts |= {"recording": utt.recording, "begin": float(utt.begin), "end": utt.end and float(utt.end)}
    text = json.dumps({key: value for key, value in facts.items() if value is not None}, ensure_ascii=False).encode()
    shards.add(f"{name}.json", io.BytesIO(text), len(text))
    if utt.text is not None:
        shards.add(f"{name}.txt", io.BytesIO(utt.text.encode()), len(utt.text.encode()))


def read_shards(paths: Iterable, output, speaker_prefix: bool = False) -> int:
    """Write a data dir of shards, with an ark of the encoded audio for each; returns the number of utterances.

    An utterance has audio and, optionally, ``.json`` (``id``, ``speaker``, ``text``, ``gender``, ``tables``) and
    ``.txt``. Its id is that of the .json, else its name in the tar. A warning counts members of other kinds; nothing is
    unpickled.

    Args:
        paths: tar files, or a folder of them.
        output: the data dir to write.
        speaker_prefix: put the speaker before each id that does not begin with it.

    Raises:
        InputError: a shard is damaged, or holds a link or a path that leads out of it; or ``output`` is there.
    """
    shards = _tar_files(list(map(Path, paths)))
    left_out: Counter[str] = Counter()
    with new_folder(output) as (aside, final), NewDataDir(aside, speaker_prefix) as new:
        (aside / "audio").mkdir()
        for number, path in enumerate(shards):
            name = f"audio/shard.{number + 1}.ark"
            with open(aside / name, "wb") as ark:
                for key, members in groupby(_members(path), lambda pair: pair[0]):
                    sample = _Sample(f"{path}: {shown(key)[:80]}", key)
                    for _, suffix, content, size in members:
                        sample.take(suffix, content, size, ark, left_out)
                    sample.write(new, aside / name, final / name, ark)
    if left_out:
        what = ", ".join(f"{number} {shown(suffix)[:20]}" for suffix, number in left_out.most_common(9))
        logging.warning("members of other kinds were left out: %s", what)
    return new.count


def _tar_files(paths: list[Path]) -> list[Path]:
    if len(paths) == 1 and paths[0].is_dir():
        paths = sorted(path for path in paths[0].glob("*.tar") if path.name[0] != ".")
    if packed := [path for path in paths if path.suffix != ".tar"]:
        raise InputError(f"{packed[0]}: must be a .tar file; unpack a compressed one (gunzip)")
    return paths


def _members(path: Path) -> Iterator[tuple[str, str, BinaryIO, int]]:
    """Key, suffix (behind the first dot of the name), content and size of each file of a shard."""
    try:
        _check_end(path)
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]  # tarfile keeps them
                if member.isdir():
                    continue
                parts = member.name.split("/")
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or ".." in parts or parts[0] == "":
                    raise InputError(f"{path}: {shown(member.name)[:80]!r}: must be a plain file below the shard")
                stem, _, suffix = parts[-1].partition(".")
                content = tar.extractfile(member)
                assert content is not None, "a file"
                yield "/".join([*parts[:-1], stem]), suffix, content, member.size  # type: ignore[misc]
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: is not a whole tar file ({what[:100]}); write it again") from None


def _check_end(path: Path) -> None:
    """Raise InputError unless a file ends as a tar file does: with two blocks of zeros."""
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 1024))
        if size < 1024 or size % 512 or any(file.read(1024)):
            raise InputError(f"{path}: is not a whole tar file (it has no end mark); write it again")


class _Sample:
    """The members of an utterance."""

    def __init__(self, where: str, key: str):
        self.where, self.key = where, key
        self.audio: dict[str, int] = {}  # stream -> offset in the ark
        self.facts: dict = {}
        self.text: str | None = None

    def take(self, suffix: str, content: BinaryIO, size: int, ark: BinaryIO, left_out: Counter[str]) -> None:
        """Take a member."""
        stream, _, container = f"wav.{suffix}".rpartition(".") if "." not in suffix else suffix.rpartition(".")
        if f".{container.lower()}" in AUDIO_SUFFIXES and (stream == "wav" or AUDIO_STREAM.fullmatch(stream)):
            if stream in self.audio:
                raise InputError(f"{self.where}: has two members of audio; keep one")
            self.audio[stream] = append_entry(ark, file_name(self.key), content, size)
        elif suffix in ("json", "txt"):
            if size > _LONGEST_TEXT:
                raise InputError(f"{self.where}: its .{suffix} has {size:,} bytes, at most {_LONGEST_TEXT:,} are read")
            try:
                text = content.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                raise InputError(f"{self.where}: its .{suffix} is not UTF-8") from None
            if suffix == "txt":
                self.text = text
                return
            self.facts = parse_json(text, f"{self.where}.json")
            if fault := misfit(self.facts, _JSON):
                raise InputError(f"{self.where}.json: {fault}")
        else:
            left_out[suffix] += 1

    def write(self, new: NewDataDir, aside: Path, final: Path, ark: BinaryIO) -> None:
        """Write the lines of the utterance, once its audio is in the ark."""
        if "wav" not in self.audio:
            raise InputError(f"{self.where}: has no audio")
        ark.flush()
        facts, where = self.facts, self.where
        key = facts.get("id") or word(unquote(self.key))
        speaker = facts.get("speaker") or key
        name = new.name(key, speaker)
        for stream, offset in self.audio.items():
            info = audio_info(f"{aside}:{offset}", where)
            if stream == "wav":
                new.side(name, name, facts.get("channel"), info, where)
            new.line(f"{stream}.scp", name, f"{final}:{offset}", where)
        tables = facts.get("tables") or {}
        if odd := [table for table, value in tables.items() if not _is_table(table, value)]:
            raise InputError(f"{where}.json: tables.{shown(odd[0])[:40]}: must be the name of a table, as utt2snr")
        for table, value in tables.items():
            new.line(table, name, value, where)
        text = facts.get("text") or self.text
        text = text and (" ".join(text.split()) or None)
        new.add(Utterance(key, name, speaker, text=text, gender=facts.get("gender")), where, whole=True)


def _is_table(table: str, value: str) -> bool:
    """Whether a shard may set a table: a fact, or enrolments that are drawn."""
    if table.startswith("enroll_") and table.endswith(".scp"):
        return AUDIO_STREAM.fullmatch(table[:-4]) is not None and value.startswith("*") and not is_command(value)
    return FACT.fullmatch(table) is not None and table not in DERIVED
