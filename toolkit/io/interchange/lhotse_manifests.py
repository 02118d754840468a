"""Lhotse manifests: a RecordingSet and a SupervisionSet, JSON lines, read and written line by line."""

import gzip
import json
import logging
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from toolkit.io.ark import split_place
from toolkit.io.audio import AudioInfo, file_info
from toolkit.io.datadir import read_table
from toolkit.io.errors import InputError, counted, shown, some_of
from toolkit.io.files import misfit, parse_json
from toolkit.io.formatting import SLACK
from toolkit.io.interchange.encoded_audio import copied_entry
from toolkit.io.interchange.new_data_dir import NewDataDir, new_folder, sort_file
from toolkit.io.interchange.utterance import DERIVED, FACT, LANGUAGE, Source, Utterance

SUFFIXES = (".jsonl", ".jsonl.gz")
_LONGEST_LINE = 1 << 24  # bytes
_RATIO, _FREE = 200, 1 << 26  # a file that unpacks to more than _FREE bytes and _RATIO times its size is a bomb
_SOURCE = {"type": str, "channels": [int], "source": str}
_RECORDING = {"id": str, "sources": [_SOURCE], "sampling_rate": int, "num_samples": int, "duration": float}
_OPTIONAL_TEXT = {"text?": (str, None), "speaker?": (str, None), "gender?": (str, None), "language?": (str, None)}
_SUPERVISION: dict[str, Any] = {"id": str, "recording_id": str, "start": float, "duration": float}
_SUPERVISION |= {"channel?": (int, [int]), "custom?": ({}, None), **_OPTIONAL_TEXT}
_KNOWN = {key.removesuffix("?") for key in _SUPERVISION}


def write_manifests(data_dir, output) -> int:
    """Write ``recordings.jsonl.gz`` and ``supervisions.jsonl.gz`` of a data dir; returns the number of utterances.

    Recordings are named by their absolute paths. Those in arks are copied, encoded as they are, to ``output/audio``.
    Tables ``utt2...`` are in ``custom`` of a supervision.

    Raises:
        InputError: the data dir breaks a rule, holds mixtures or commands, or ``output`` is there.
    """
    source = Source(data_dir)
    if source.streams:
        raise InputError(
            f"{data_dir}: has the streams {some_of(source.streams)}, which Lhotse manifests do not hold; choose --to "
            "webdataset"
        )
    with new_folder(output) as (aside, final), ExitStack() as stack:
        recordings, supervisions = (stack.enter_context(_written(aside, name)) for name in _NAMES)
        for recording, value in source.wav.items():
            _put(recordings, _recording_of(recording, value, source.info(recording), aside, final))
        for utt in source.utterances():
            _put(supervisions, _supervision_of(utt, source.info(utt.recording)))
    return len(source.ids)


_NAMES = ("recordings", "supervisions")


def _written(folder: Path, name: str) -> IO[bytes]:
    """A new manifest; without the time of writing, so that equal content gives equal files."""
    return gzip.GzipFile(folder / f"{name}.jsonl.gz", "wb", mtime=0)  # type: ignore[return-value]


def _put(file: IO[bytes], content: dict) -> None:
    file.write(json.dumps(content, ensure_ascii=False).encode() + b"\n")


def _recording_of(key: str, value: str, info: AudioInfo, aside: Path, final: Path) -> dict:
    path, offset = split_place(value)
    place = os.path.abspath(path) if offset is None else str(final / copied_entry(value, key, aside, "audio"))
    channels = list(range(info.channels))
    return {
        "id": key,
        "sources": [{"type": "file", "channels": channels, "source": place}],
        "sampling_rate": info.rate,
        "num_samples": info.frames,
        "duration": info.frames / info.rate,
        "channel_ids": channels,
    }


def _supervision_of(utt: Utterance, info: AudioInfo) -> dict:
    length = info.frames / info.rate
    begin = utt.begin or Decimal(0)
    end = length if utt.end is None else float(utt.end)
    duration = min(end, length) - float(begin)
    if not (duration > 0 and end <= length + SLACK):
        raise InputError(f"{utt.key}: ends at {utt.end} s, its recording {utt.recording} at {length:g} s")
    every = list(range(info.channels))
    channel = utt.channel if utt.channel is not None else 0 if info.channels == 1 else every
    if utt.channel is not None and utt.channel not in every:
        raise InputError(f"{utt.recording}: has no channel {utt.channel}, only {counted(info.channels, 'channel')}")
    facts = {key: value for key, value in utt.facts.items() if key != LANGUAGE}
    content = {"text": utt.text, "language": utt.facts.get(LANGUAGE), "speaker": utt.speaker, "gender": utt.gender}
    return {
        **{"id": utt.key, "recording_id": utt.recording, "start": float(begin), "duration": duration},
        **{"channel": channel, **{key: value for key, value in content.items() if value is not None}},
        **({"custom": facts} if facts else {}),
    }


def read_manifests(paths: Iterable, output, root="", speaker_prefix: bool = False) -> int:
    """Write a data dir of a RecordingSet and, optionally, a SupervisionSet; returns the number of utterances.

    Without supervisions each recording is an utterance. Audio is not copied: ``wav.scp`` names the files of the
    manifests. Strings ``utt2...`` in ``custom`` are tables; a warning names what no table holds.

    Args:
        paths: a folder, or one or two files ``*recordings*.jsonl.gz``, ``*supervisions*.jsonl.gz`` (or ``.jsonl``).
        output: the data dir to write.
        root: folder that relative paths of audio begin at; default: the current one.
        speaker_prefix: put the speaker before each id that does not begin with it.

    Raises:
        InputError: a manifest is malformed or names no readable file, or ``output`` is there; names path and line.
    """
    recordings, supervisions = _manifests(list(map(Path, paths)))
    with new_folder(output) as (aside, _), NewDataDir(aside, speaker_prefix) as new:
        table, several = aside / ".recordings", False
        with open(table, "w", encoding="utf-8") as file:
            for where, content in _objects(recordings):
                key, value, info = _checked_recording(where, content, root)
                several |= info.channels > 1
                file.write(f"{key} {info.frames} {info.rate} {info.channels} {value}\n")
        if not table.stat().st_size:
            raise InputError(f"{recordings}: holds no recording")
        sort_file(table)
        known = _Recordings(table, recordings)
        lines = _supervisions(supervisions) if supervisions else known.whole()
        split = _split_by_channel(supervisions) if supervisions and several else set()
        left_out: Counter[str] = Counter()
        for where, content in lines:
            _add_supervision(new, where, content, known, split, left_out)
        table.unlink()
        Path(f"{aside}/..recordings.index").unlink(missing_ok=True)
    if left_out:
        what = ", ".join(f"{name} of {counted(number, 'supervision')}" for name, number in left_out.items())
        logging.warning("%s: no table holds %s; left out", supervisions, what)
    return new.count


def _manifests(paths: list[Path]) -> tuple[Path, Path | None]:
    """The file of recordings, and that of supervisions."""
    if len(paths) == 1 and paths[0].is_dir():
        paths = sorted(path for path in paths[0].iterdir() if path.name.endswith(SUFFIXES) and path.name[0] != ".")
    paths_of = {kind: [path for path in paths if kind in path.name] for kind in _NAMES}
    if len(paths_of["recordings"]) != 1 or len(paths_of["supervisions"]) > 1 or len(paths) > 2:
        names = some_of([path.name for path in paths]) or "none"
        raise InputError(
            f"{names}: must be one file *recordings*.jsonl.gz and at most one *supervisions*.jsonl.gz; name them both"
        )
    return paths_of["recordings"][0], next(iter(paths_of["supervisions"]), None)


def _objects(path: Path) -> Iterator[tuple[str, dict]]:
    """Place and content of each line."""
    number = 0
    try:
        size = path.stat().st_size
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            while line := file.readline(_LONGEST_LINE + 1):
                number += 1
                if len(line) > _LONGEST_LINE or file.tell() > _FREE + _RATIO * size:
                    raise InputError(f"{path}:{number}: unpacks to more than a manifest has; it is damaged or hostile")
                yield f"{path}:{number}", parse_json(line.decode(), f"{path}:{number}")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}:{number}: is not UTF-8") from None


def _checked_recording(where: str, content: dict, root) -> tuple[str, str, AudioInfo]:
    """Id, path and facts of a recording, as its file has them."""
    if str(content.get("type", "")).endswith("Cut"):
        raise InputError(f"{where}: is a cut; write recordings and supervisions: CutSet.decompose(folder)")
    if fault := misfit(content, _RECORDING):
        raise InputError(f"{where}: {fault}; must be a Recording of Lhotse")
    key, sources = content["id"], content["sources"]
    if len(sources) != 1 or sources[0]["type"] != "file":
        kinds = some_of([source["type"] for source in sources], 3) or "none"
        raise InputError(f"{where}: {shown(key)[:80]}: must have one source of type file, not {kinds}; save the audio")
    if content.get("transforms"):
        raise InputError(f"{where}: {shown(key)[:80]}: has transforms, which its file does not; save the audio")
    path = os.path.join(root, sources[0]["source"])
    if path.rstrip().endswith("|") or split_place(path)[1] is not None or path != path.strip():
        raise InputError(f"{where}: {path[:200]!r}: cannot be a path in wav.scp; rename the file")
    info = file_info(path, shown(key)[:80])
    expected = AudioInfo(content["num_samples"], content["sampling_rate"], len(sources[0]["channels"]))
    if info != expected:
        raise InputError(f"{where}: {path}: has {_facts(info)}, the manifest {_facts(expected)}; make it again")
    return key, os.path.abspath(path), info


def _facts(info: AudioInfo) -> str:
    return f"{info.frames} samples at {info.rate} Hz of {counted(info.channels, 'channel')}"


class _Recordings:
    """Path and facts of the recordings of a manifest, by id; in memory only where they are few."""

    def __init__(self, table: Path, manifest: Path):
        try:
            self._rows = read_table(table)
        except InputError as error:
            raise InputError(f"{manifest}: {str(error).partition(': ')[2]}") from None

    def whole(self) -> Iterator[tuple[str, dict]]:
        """A supervision of each whole recording."""
        for key in self._rows:
            info = self.get(key, "")[1]
            yield key, {"id": key, "recording_id": key, "start": 0, "duration": info.frames / info.rate}

    def get(self, key: str, where: str) -> tuple[str, AudioInfo]:
        """Path and facts. Raises InputError if there is no such recording."""
        row = self._rows.get(key)
        if row is None:
            raise InputError(f"{where}: recording {shown(key)[:80]!r} is not in the manifest of recordings")
        *numbers, path = row.split(" ", 3)
        return path, AudioInfo(*map(int, numbers))


def _supervisions(path: Path) -> Iterator[tuple[str, dict]]:
    for where, content in _objects(path):
        if fault := misfit(content, _SUPERVISION):
            raise InputError(f"{where}: {fault}; must be a SupervisionSegment of Lhotse")
        yield where, content


def _split_by_channel(supervisions: Path) -> set[str]:
    """Recordings with utterances in several single channels: each channel becomes a recording."""
    first: dict[str, int] = {}
    split = set()
    for _, content in _supervisions(supervisions):
        channel = content.get("channel", 0)
        if isinstance(channel, int) and first.setdefault(content["recording_id"], channel) != channel:
            split.add(content["recording_id"])
    return split


def _add_supervision(new: NewDataDir, where: str, content: dict, known: _Recordings, split: set, left_out) -> None:
    """Write the lines of a supervision into the tables."""
    path, info = known.get(content["recording_id"], where)
    begin, length = (Decimal(str(content[name])) for name in ("start", "duration"))
    seconds = info.frames / info.rate
    if not (begin >= 0 and length > 0 and float(begin + length) <= seconds + SLACK):
        raise InputError(f"{where}: from {begin} s, {length} s long: must be in its recording of {seconds:g} s")
    recording, channel = content["recording_id"], content.get("channel", 0)
    number = channel if isinstance(channel, int) else channel[0] if len(channel) == 1 else None
    if number is None and sorted(channel) != list(range(info.channels)):
        raise InputError(f"{where}: channel {channel}: must be one, or all of {counted(info.channels, 'channel')}")
    if recording in split:
        recording = f"{recording}-{'all' if number is None else number + 1}"
    new.line("wav.scp", recording, path, where)
    new.side(recording, content["recording_id"], number, info, where)
    facts = {key: value for key, value in (content.get("custom") or {}).items() if _is_fact(key, value)}
    other = [f"custom.{key}" for key in content.get("custom") or {} if key not in facts]
    left_out.update(some_of([name], 1)[:80] for name in (*(content.keys() - _KNOWN), *other))
    language = {LANGUAGE: content["language"]} if content.get("language") else {}
    utt = Utterance(
        content["id"],
        recording,
        content.get("speaker") or content["id"],
        *(begin, begin + length),
        text=content.get("text") or None,
        gender=content.get("gender"),
        facts=facts | language,
    )
    whole = begin == 0 and abs(float(length) - seconds) < 0.5 / info.rate
    new.add(utt, where, whole)


def _is_fact(key, value) -> bool:
    return FACT.fullmatch(key) is not None and key not in DERIVED and isinstance(value, str)
