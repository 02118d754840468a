"""The inputs of an experiment: recorded in ``inputs.json`` and compared when a training continues.

The comparison covers ids, speakers, facts and the content of recordings, trials and weights, but not paths: folders can
be moved, and arks can be written again with another number of jobs.
"""

import hashlib
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from toolkit.io.atomic import replacing
from toolkit.io.datadir import DataDir, c_sorted, sorted_ids, values_of
from toolkit.io.errors import InputError, counted, some_of
from toolkit.io.files import misfit, read_json
from toolkit.io.identity import file_digest, recordings, states

NAME = "inputs.json"
TRAINING, VALIDATION = "training set", "validation set"
_VERSION = 1
_RECORD = {"version": int, "stamp": str, "files": {...: str}, "sets": {...: {...: [(int, str)]}}}
_FACTS = ("utt2num_samples", "utt2dur", "utt2noise", "utt2snr", "utt2interferer")


@dataclass(frozen=True)
class Source:
    """A data dir that training reads.

    Attributes:
        role: its use in training, e.g. ``training set``.
        path: the folder.
        streams: recordings that training reads: ``wav``, ``spk1``, ``feats``, ...
        lists: further files that training reads, if they exist: ``trials``, ...
    """

    role: str
    path: str
    streams: tuple[str, ...] = ("wav",)
    lists: tuple[str, ...] = ()

    def tables(self) -> tuple[Mapping[str, str], list[Mapping[str, str]], list[Mapping[str, str]]]:
        """Speaker of each id (the id itself without utt2spk), tables of recordings, tables of facts."""
        data = DataDir(self.path)
        audio = [data.table(f"{stream}.scp") for stream in self.streams if f"{stream}.scp" in data]
        speakers = data.table("utt2spk") if "utt2spk" in data else {key: key for key in data.keys()}
        return speakers, audio, [data.table(name) for name in _FACTS if name in data]


def named_files(config: Mapping, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Key and path of every file that a config names, such as weights to start from."""
    for key, value in config.items():
        if isinstance(value, (dict, list)):
            yield from named_files(value if isinstance(value, dict) else dict(enumerate(value)), f"{prefix}{key}.")
        elif isinstance(value, str) and len(value) < 4096 and Path(value).is_file():
            yield f"{prefix}{key}", value


class Inputs:
    """The current inputs of a training.

    Args:
        sources: the data dirs.
        files: name -> path of weights and other files that a config names.
    """

    def __init__(self, sources: Iterable[Source], files: Mapping[str, str]):
        self.sources, self.files = list(sources), dict(files)
        self._tables = {source.role: source.tables() for source in self.sources}
        for source in self.sources:
            paths = {f"{name} of {source.role}": Path(source.path) / name for name in source.lists}
            self.files |= {name: str(path) for name, path in paths.items() if path.is_file()}

    def stamp(self) -> str:
        """A value that changes with any table and with size or time of any file, computed without reading audio."""
        digest = hashlib.blake2b(repr([self.files, self.sources, self._tables]).encode(), digest_size=16)
        for _, audio, _ in self._tables.values():
            for table in audio:
                digest.update("\n".join(states(table)).encode())
        digest.update("\n".join(states(self.files)).encode())
        return digest.hexdigest()

    def record(self) -> dict:
        """The record to keep.

        Returns:
            ``version``; ``stamp``; ``files``: name -> digest; ``sets``: role -> speaker -> [utterances, their digest].
        """
        return {
            "version": _VERSION,
            "stamp": self.stamp(),
            "files": {name: file_digest(path) for name, path in self.files.items()},
            "sets": {role: _by_speaker(*tables) for role, tables in self._tables.items()},
        }

    def shared_speakers(self) -> Iterator[tuple[str, list[str]]]:
        """Validation sets that share speakers with the training set: role and shared speakers."""
        trained = set(self._tables[TRAINING][0].values())
        for role, (speakers, _, _) in self._tables.items():
            if role.startswith(VALIDATION) and (both := trained & set(speakers.values())):
                yield role, c_sorted(both)


def _by_speaker(speaker_of: Mapping[str, str], audio: list, facts: list) -> dict[str, list]:
    ids = sorted_ids(speaker_of)
    counts: Counter[str] = Counter()
    digests: defaultdict[str, Any] = defaultdict(partial(hashlib.blake2b, digest_size=16))
    contents, values = [recordings(table, ids) for table in audio], [values_of(table, ids) for table in facts]
    for key, speaker in zip(ids, values_of(speaker_of, ids), strict=True):
        digests[str(speaker)].update(repr([key, [*map(next, contents)], [*map(next, values)]]).encode())
        counts[str(speaker)] += 1
    return {speaker: [counts[speaker], digests[speaker].hexdigest()] for speaker in c_sorted(counts)}


def read(expdir: Path) -> dict | None:
    """The record of an experiment's inputs; None if it has none.

    Raises:
        InputError: the file is damaged, or was written by a newer version.
    """
    path = expdir / NAME
    if not path.is_file():
        return None
    remedy = "restore it, or remove it to continue with unchecked data"
    record = read_json(path, remedy)
    if isinstance(version := record.get("version"), int) and version > _VERSION:
        raise InputError(f"{path}: was written by a newer version of the toolkit; update the toolkit")
    if fault := misfit(record, _RECORD):
        raise InputError(f"{path}: {fault}; {remedy}")
    return {key: record[key] for key in ("stamp", "files", "sets")}


def write(expdir: Path, record: dict) -> None:
    """Write the record into an experiment's folder."""
    with replacing(expdir / NAME) as handle:
        json.dump(record, handle, indent=1, ensure_ascii=False)


def changes(old: dict, new: dict) -> list[str]:
    """The differences of two records, each as a phrase."""
    phrases = []
    for kind in ("sets", "files"):
        for name in sorted({*old[kind], *new[kind]}, key=lambda name: (name != TRAINING, name)):
            before, after = old[kind].get(name), new[kind].get(name)
            if before is None or after is None:
                phrases.append(f"{name} {'added' if before is None else 'removed'}")
            elif before != after:
                phrases.append(f"{name}: {_changed_speakers(before, after)}" if kind == "sets" else f"{name} changed")
    return phrases


def _changed_speakers(old: dict, new: dict) -> str:
    words = []
    for what, ids, counts in (
        ("added", new.keys() - old.keys(), new),
        ("removed", old.keys() - new.keys(), old),
    ):
        if ids:
            total = sum(counts[spk][0] for spk in ids)
            speakers = some_of(c_sorted(ids), 5)
            words.append(f"{counted(total, 'utterance')} of {counted(len(ids), 'speaker')} {what}: {speakers}")
    changed = c_sorted(spk for spk in old.keys() & new.keys() if old[spk] != new[spk])
    texts = [f"{spk} ({old[spk][0]} -> {new[spk][0]})" if old[spk][0] != new[spk][0] else spk for spk in changed]
    if changed:
        words.append(f"other utterances of {some_of(texts, 5)}")
    return "; ".join(words)


def inputs_of(args, config: dict, data, task) -> Inputs:
    """The inputs of a training: its data dirs, and the files that its config names."""
    (train_dir, streams), *others = data.sources(args.train_dir)
    sources = {TRAINING: Source(TRAINING, train_dir, streams, data.lists)}
    for path, streams in others:
        if path not in (train_dir, *(source.path for source in sources.values())):
            role = Path(path).name if Path(path).name not in sources else path
            sources[role] = Source(role, path, streams)
    for path in args.valid_dirs:
        role = f"{VALIDATION} {Path(path).name}"
        sources[role] = Source(role, path, task.valid_streams, task.valid_lists)
    return Inputs(sources.values(), dict(named_files(config)))


def warn_of_shared_speakers(inputs: Inputs) -> None:
    """Warn about validation sets that share speakers with the training set."""
    for role, speakers in inputs.shared_speakers():
        logging.warning(
            "%s: has %s of the training set: %s; error rates of new speakers will be higher",
            *(role, counted(len(speakers), "speaker"), some_of(speakers, 3)),
        )


def another_folder(task: str) -> str:
    """How to choose another folder for a task (name or ``module:SPEC``), for messages."""
    return "another --expdir" if ":" in task else f"another tag (--{task}_tag)"


def check_inputs(expdir: Path, inputs: Inputs, data, accept: bool, task: str) -> dict | None:
    """The new record of a training that continues; None if the recorded one is still valid.

    Args:
        expdir: folder of the experiment.
        inputs: current inputs.
        data: the opened training data.
        accept: continue with changed inputs, and record them.
        task: name of the kind of task, for messages.

    Raises:
        InputError: the inputs differ from those of the training so far; names the changes.
    """
    kept = read(expdir)
    if kept is None:
        _check_unrecorded(expdir, data, task)
    elif kept["stamp"] == inputs.stamp():
        return None
    new_record = inputs.record()
    if kept and (changed := changes(kept, new_record)):
        message = f"{expdir}: the training data has changed since the training began: {'. '.join(changed)}"
        if not accept:
            raise InputError(
                f"{message}. Choose {another_folder(task)}, or remove the folder to train again; --accept_data true "
                f"(in a recipe: in --{task}_args) continues the training with the changed data"
            )
        logging.warning("%s. Accepted (--accept_data)", message)
    return new_record


def _check_unrecorded(expdir: Path, data, task: str) -> None:
    """For an experiment without a record of its inputs: warn, and compare with the counts in train_info.json.

    Raises:
        InputError: the training set has another number of utterances or speakers.
    """
    try:
        info = read_json(expdir / "train_info.json")
    except InputError:
        info = {}
    for name, count in (("utterances", len(data)), ("speakers", len(data.speakers))):
        if info.get(name, count) != count:
            raise InputError(
                f"{expdir}: was trained on {info[name]} {name}, the training set has {count} now; choose "
                f"{another_folder(task)}, or remove the folder to train again"
            )
    logging.warning("%s: has no record of its training data (%s), so the data could not be checked", expdir, NAME)
