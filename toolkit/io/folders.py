"""Read a user's folders of audio as data dirs: ids from paths, long recordings cut, the user's trial lists."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from toolkit.io.audio import file_info
from toolkit.io.datadir import c_sorted
from toolkit.io.errors import InputError, counted, some_of
from toolkit.io.progress import progress
from toolkit.io.text import fields
from toolkit.io.trials import Trials, check_kinds, read_trials

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".opus", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".w64"})
_NO_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # characters that no table can hold
# Bytes below "-", which ends the speaker in an utterance id: "a!-x" would sort before "a-x".
_BELOW_DASH = re.compile(r"[\s!-,]+")


@dataclass(frozen=True)
class Speech:
    """Recordings of speakers.

    Attributes:
        wav: recording -> file.
        utt2spk: utterance -> speaker; without segments, recordings are utterances.
        segments: utterance -> ``recording begin end`` in seconds, or empty.
        paths: path below the folder without extension -> recording; trial lists may use these names.
    """

    wav: dict[str, Path]
    utt2spk: dict[str, str]
    segments: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)

    def speakers(self) -> list[str]:
        """The speakers, C-sorted."""
        return c_sorted(set(self.utt2spk.values()))

    def recording_of(self, utt: str) -> str:
        """The recording of an utterance."""
        return fields(self.segments[utt])[0] if self.segments else utt

    def recordings(self) -> Counter:
        """Speaker -> number of recordings."""
        return Counter(speaker for _, speaker in {(self.recording_of(utt), spk) for utt, spk in self.utt2spk.items()})

    def of(self, speakers: Collection[str] = (), utts: Collection[str] = ()) -> "Speech":
        """The part with these speakers, or these utterances."""
        utt2spk = {u: s for u, s in self.utt2spk.items() if s in speakers or u in utts}
        recordings = {self.recording_of(utt) for utt in utt2spk}
        segments = {u: s for u, s in self.segments.items() if u in utt2spk}
        wav = {key: path for key, path in self.wav.items() if key in recordings}
        return replace(self, wav=wav, utt2spk=utt2spk, segments=segments)


def audio_files(folder) -> dict[str, Path]:
    """All audio below a folder, links followed: relative path without extension -> file, C-sorted.

    Hidden files are skipped (macOS leaves ``._a.wav`` beside ``a.wav``).

    Raises:
        InputError: the folder is missing or has no audio, a link leads nowhere, two files differ only by extension, or
            a name fits no table.
    """
    folder = Path(folder)
    files: dict[str, Path] = {}
    broken: list[Path] = []
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; fix the path (db.sh, or an option of local/data.sh)")
    for path in files_below(folder):
        if path.suffix.lower() not in AUDIO_SUFFIXES or path.name.startswith("."):
            continue
        if not path.exists():
            broken.append(path)
        elif path.is_file():
            if _NO_NAME.search(str(path)):
                raise InputError(f"{str(path)!a}: the name has a control character or is not UTF-8; rename it")
            key = path.relative_to(folder).with_suffix("").as_posix()
            if key in files:
                raise InputError(f"{path}: differs only by extension from {files[key].name}; keep one")
            files[key] = path
    if broken:
        number = counted(len(broken), "such link")
        raise InputError(f"{broken[0]}: is a link to a missing file ({number} in {folder}); fix or remove such links")
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


def word(name: str, speaker: bool = False) -> str:
    """The name of a file or folder as part of an id: without blanks, and such that ids sort like their speakers."""
    name = _BELOW_DASH.sub("_", name.strip() or "_")  # a name of blanks, too
    return name.replace("-", "_") if speaker else name.replace("/", "-")


def recording_ids(files: dict[str, Path]) -> dict[str, Path]:
    """Id -> file, for recordings without speakers.

    Args:
        files: the result of :func:`audio_files`.
    """
    wav: dict[str, Path] = {}
    for key, path in files.items():
        _add(wav, word(key), path)
    return wav


def rooms_of(files: dict[str, Path]) -> dict[str, str]:
    """Impulse response id -> room: the folder of the file. A file at the top level is its own room."""
    return {word(key): word(key.rpartition("/")[0] or key) for key in files}


def _add(table: dict, key: str, value) -> None:
    """Set a key; raises InputError if it already has another value."""
    if table.setdefault(key, value) != value:
        raise InputError(f"{value}: has the same id {key} as {table[key]}; rename one of them")


def read_speech(folder: Path) -> Speech:
    """All audio of a folder with one subfolder per speaker.

    Raises:
        InputError: there is no audio, a file is in no speaker's folder, or two files or folders get the same id.
    """
    wav: dict[str, Path] = {}
    folder_of: dict[str, Path] = {}
    utt2spk, paths = {}, {}
    for key, path in audio_files(folder).items():
        name, _, rest = key.partition("/")
        if not rest:
            raise InputError(f"{path}: is in no speaker's folder; expected {folder}/<speaker>/...")
        speaker = word(name, speaker=True)
        _add(folder_of, speaker, folder / name)
        utt = f"{speaker}-{word(rest)}"
        _add(wav, utt, path)
        utt2spk[utt], paths[key] = speaker, utt
    return Speech(wav, utt2spk, paths=paths)


def passed_over(folder: Path, *read: str) -> str:
    """Counts of the files in a folder that are not read as audio, except suffixes ``read``: ``12 .m4a, 1 .txt``."""
    kinds = Counter(path.suffix.lower() or "without extension" for path in files_below(folder) if path.name[0] != ".")
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common() if kind not in (*AUDIO_SUFFIXES, *read))


def cut_recordings(speech: Speech, seconds: float, allow_bad: int = 0) -> Speech:
    """Cut every recording into equal, adjacent pieces of about ``seconds``; no audio is lost.

    Args:
        allow_bad: number of unreadable recordings that may be left out.

    Raises:
        InputError: more recordings are unreadable.
    """
    segments, utt2spk, bad = {}, {}, {}
    with progress(len(speech.wav), "durations") as bar:
        for key, path in speech.wav.items():
            bar.update()
            try:
                info = file_info(path, key)
            except InputError as error:
                bad[key] = str(error)
                continue
            duration = info.frames / info.rate
            pieces = max(1, round(duration / seconds))
            for piece in range(pieces):
                begin, end = (duration * p / pieces for p in (piece, piece + 1))
                utt = f"{key}-{piece:03d}"
                segments[utt] = f"{key} {begin:.4f} {end:.4f}"
                utt2spk[utt] = speech.utt2spk[key]
    if len(bad) > allow_bad:
        raise InputError(
            f"{len(bad)} bad of {len(speech.wav)}, --allow_bad {allow_bad}: {some_of(bad.values(), 5)}; "
            "or raise --allow_bad to leave them out"
        )
    for message in bad.values():
        print(f"left out: {message}")
    wav = {key: path for key, path in speech.wav.items() if key not in bad}
    return replace(speech, wav=wav, utt2spk=utt2spk, segments=segments)


def own_trials(path: Path, speech: Speech) -> Trials:
    """Read a user's trial list and replace its names by ids. Names are ids, or paths below the speech folder.

    Raises:
        InputError: a name is unknown, a label contradicts the folders, or all labels are equal.
    """
    trials = read_trials(path)
    check_kinds(trials, path)

    def utt_of(name: str) -> str:
        if name in speech.utt2spk:
            return name
        stem = Path(name).with_suffix("") if Path(name).suffix.lower() in AUDIO_SUFFIXES else Path(name)
        return speech.paths.get(stem.as_posix(), name)

    names = [utt_of(name) for name in trials.ids]
    # The message also names a path that looks like the missing one.
    named = {name for path, utt in speech.paths.items() for name in (path, path + speech.wav[utt].suffix)}
    unknown = [i for i, name in enumerate(names) if name not in speech.utt2spk]
    if unknown:
        at = int(np.flatnonzero(np.isin(trials.enroll, unknown) | np.isin(trials.test, unknown))[0])
        lost = [trials.ids[i] for i in dict.fromkeys((trials.enroll[at], trials.test[at])) if i in unknown]
        raise InputError(
            f"{path}:{at + 1}: {some_of(lost, known={*speech.utt2spk, *named})}: no such recording in the speech "
            f"folder ({counted(len(unknown), 'such name')} in the list); correct the path, or remove these trials"
        )
    ids = c_sorted(set(names))
    number = {utt: i for i, utt in enumerate(ids)}
    index = np.array([number[name] for name in names], np.int32)
    speaker = np.unique([speech.utt2spk[utt] for utt in ids], return_inverse=True)[1]
    enroll, test = index[trials.enroll], index[trials.test]
    wrong = np.flatnonzero((speaker[enroll] == speaker[test]) != trials.is_target)
    if len(wrong):
        first, label = wrong[0], "target" if trials.is_target[wrong[0]] else "nontarget"
        raise InputError(
            f"{path}:{first + 1}: {ids[enroll[first]]} and {ids[test[first]]} are labelled {label}, their folders say "
            f"otherwise; fix the label or the folder ({len(wrong)} of {len(trials)} lines have this fault)"
        )
    return Trials(ids, enroll, test, trials.is_target)
