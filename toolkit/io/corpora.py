"""Published corpora: find their folders (db.sh), check that they are complete, write data dirs.

The ``prepare_data.py`` of a recipe reads a corpus with these functions; example::

    root = corpus("SPEECHOCEAN762", "openslr.org/101")
    wav = by_id(audio_files(root / "WAVE").values())
    write_speech(Path("data/train"), wav, read_table(root / "train/utt2spk"), text=read_table(root / "train/text"))
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from toolkit.io.datadir import c_sorted, invert, write_table
from toolkit.io.errors import InputError, counted, some_of
from toolkit.io.folders import AUDIO_SUFFIXES, audio_files
from toolkit.io.text import read_lines

_LIBRISPEECH = "openslr.org/12"
LIBRISPEECH_PARTS = {  # utterances, as published
    "train-clean-100": 28539,
    "train-clean-360": 104014,
    "train-other-500": 148688,
    "dev-clean": 2703,
    "dev-other": 2864,
    "test-clean": 2620,
    "test-other": 2939,
}
_LIBRISPEECH_UTTERANCE = re.compile(r"(\d+)-(\d+)-\d{4}")


def add_corpus_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of every program that prepares corpora: ``--outdir`` and ``--partial``."""
    parser.add_argument("--outdir", type=Path, default=Path("data"))
    parser.add_argument("--partial", action="store_true", help="accept incomplete corpora, with a warning")


def corpus(variable: str, source: str = "", inner: str = "") -> Path:
    """The folder of a corpus.

    Args:
        variable: environment variable with the folder, set by db.sh.
        source: where to get the corpus.
        inner: subfolder to use if it exists, for an archive that was unpacked into the corpus's folder.

    Raises:
        InputError: the variable is empty or names no folder; the message names ``source``.
    """
    value = os.environ.get(variable, "")
    if not value or not Path(value).is_dir():
        remedy = f"get it from {source}, and set" if source else "set"
        raise InputError(f"{variable}={value or '(empty)'}: no such folder; {remedy} {variable} or CORPORA in db.sh")
    return Path(value, inner) if Path(value, inner).is_dir() else Path(value)


def optional_corpus(variable: str, source: str = "", inner: str = "") -> Path | None:
    """As :func:`corpus`; None, with a printed note, if the corpus is missing."""
    try:
        return corpus(variable, source, inner)
    except InputError as error:
        print(f"left out: {error}")
        return None


def incomplete(message: str, partial: bool) -> None:
    """Report an incomplete corpus: raise InputError, or with ``partial`` print a warning."""
    if not partial:
        raise InputError(f"{message}; get what is missing, or use what is there (--partial)")
    print(f"warning: {message}", file=sys.stderr)


def check_count(what: str, count: int, published: int, partial: bool) -> None:
    """Report ``what``, e.g. "MUSAN=musan: 3 files", as incomplete if ``count`` differs from the published number."""
    if count != published:
        incomplete(f"{what}, published are {published}", partial)


def recording(path: Path) -> Path:
    """The file, or if it is missing one with another extension, as in a compressed copy of the corpus."""
    if path.is_file():
        return path
    return next((file for suffix in sorted(AUDIO_SUFFIXES) if (file := path.with_suffix(suffix)).is_file()), path)


def by_id(paths: Iterable[Path], name: Callable[[Path], str] = lambda path: path.stem) -> dict[str, Path]:
    """Id -> file; the id is ``name(path)``. Raises InputError if two files have one id."""
    files: dict[str, Path] = {}
    for path in paths:
        if (key := name(path)) in files:
            raise InputError(f"{path}: duplicate id {key}, also of {files[key]}; keep one of the two")
        files[key] = path
    return files


def speaker_of(utt: str) -> str:
    """The speaker in an utterance id, up to the first ``-``: ``103`` of ``103-1240-0000``."""
    return utt.split("-", 1)[0]


def write_data_dir(path: Path, wav: Mapping[str, Path | str], utt2spk: Mapping[str, str], **tables: Mapping) -> None:
    """Write wav.scp, utt2spk, spk2utt and further tables by name; remove tables that are now empty."""
    spk2utt = {speaker: " ".join(utts) for speaker, utts in invert(utt2spk).items()}
    for name, table in {"wav.scp": wav, "utt2spk": utt2spk, "spk2utt": spk2utt, **tables}.items():
        if table:
            write_table(path / name, table)
        else:
            (path / name).unlink(missing_ok=True)


def write_speech(path: Path, wav: Mapping[str, Path], utt2spk: Mapping[str, str], **facts: Mapping[str, str]) -> None:
    """Write the data dir of a set of utterances.

    Args:
        path: the data dir.
        wav: utterance -> file; further utterances are ignored.
        utt2spk: utterance -> speaker; the utterances of the set.
        facts: tables by utterance, or by speaker if called ``spk2...``; further keys are ignored. A ``spk2...`` table
            that lacks a speaker is left out.

    Raises:
        InputError: an utterance has no audio file.
    """
    if missing := [utt for utt in utt2spk if utt not in wav]:
        raise InputError(f"{path}: no audio for {len(missing)} utterances: {some_of(missing)}; is the corpus complete?")
    speakers, tables = set(utt2spk.values()), {}
    for name, table in facts.items():
        by_speaker = name.startswith("spk2")
        of_set = {key: table[key] for key in (speakers if by_speaker else utt2spk) if key in table}
        tables[name] = {} if by_speaker and len(of_set) < len(speakers) else of_set
    write_data_dir(path, {utt: wav[utt] for utt in utt2spk}, utt2spk, **tables)
    print(f"{path}: {counted(len(utt2spk), 'utterance')} of {counted(len(speakers), 'speaker')}")


def write_sounds(
    path: Path, wav: Mapping[str, Path], source: Mapping[str, str], segments: Mapping[str, str] | None = None
) -> None:
    """Write the data dir of noises or impulse responses.

    Args:
        path: the data dir.
        wav: recording -> file.
        source: utterance -> source, written as its speaker: the recording of a noise, the room of a response.
        segments: utterance -> ``recording begin end`` in seconds, where utterances are windows of recordings.
    """
    write_data_dir(path, wav, source, segments=segments or {})
    print(f"{path}: {counted(len(source), 'window' if segments else 'recording')} of {len(set(source.values()))}")


def write_listed_sounds(sets: Path, outdir: Path, sources: Mapping[str, str] = MappingProxyType({})) -> None:
    """Write sets of noises, music or impulse responses that a YAML file lists.

    Ids are ``<corpus>-<path>``; the "speaker" is the recording, of measured rooms the room.

    Args:
        sets: YAML: set -> corpus variable -> patterns below its folder, without extensions; ``**/*`` is any depth.
        outdir: the folder for the data dirs.
        sources: corpus variable -> where to get the corpus.

    Raises:
        InputError: a corpus is missing, or a pattern matches nothing.
    """
    import yaml

    for name, corpora in yaml.safe_load(sets.read_text()).items():
        wav, group = {}, {}
        for variable, patterns in corpora.items():
            root = corpus(variable, sources.get(variable, ""))
            files = audio_files(root)
            for pattern in patterns:
                matched = [key for key in files if Path(key).match(pattern) or _matches(key, pattern)]
                if not matched:
                    raise InputError(f"{variable}={root}: nothing matches {pattern!r} ({name} of {sets})")
                for key in matched:
                    utt = f"{variable.lower()}-{key}".replace("/", "-").replace(" ", "_")
                    wav[utt] = files[key]
                    group[utt] = str(Path(utt).name.rsplit("-az", 1)[0])
        write_sounds(outdir / name, wav, group)


def _matches(key: str, pattern: str) -> bool:
    """Whether a key matches a pattern; ``**/*`` matches at any depth (in pathlib only from Python 3.13 on)."""
    head, deep, _ = pattern.partition("**/")
    return bool(deep) and key.startswith(head)


def speech_commands(root: Path) -> tuple[dict[str, Path], dict[str, str], dict[str, str]]:
    """Audio, speaker and word of the utterances of Speech Commands, with the prefix ``commands-``.

    Files are ``down/0c540988_nohash_0.wav``, or flat as ``down_0c540988_nohash_0.wav``. Raises InputError for others.
    """
    wav, utt2spk, text = {}, {}, {}
    for file in audio_files(root).values():
        parts = file.stem.split("_")
        parts = parts if len(parts) == 4 else [file.parent.name, *parts]
        if len(parts) != 4 or parts[2] != "nohash":
            raise InputError(f"{file}: expected <word>/<speaker>_nohash_<take> of Speech Commands")
        spoken, speaker, _, take = parts
        utt = f"commands-{speaker}-{spoken}-{take}"
        wav[utt], utt2spk[utt], text[utt] = file, f"commands-{speaker}", spoken.upper()
    return wav, utt2spk, text


def librispeech_root() -> Path:
    """The folder with the parts of LibriSpeech."""
    return corpus("LIBRISPEECH", _LIBRISPEECH, "LibriSpeech")


def librispeech_part(root: Path, part: str, partial: bool) -> dict[str, Path]:
    """Utterance -> file of a part of LibriSpeech, ``<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac``.

    Raises:
        InputError: the part is missing, incomplete (without ``partial``), or has a file with another name.
    """
    if not (root / part).is_dir():
        raise InputError(f"LIBRISPEECH={root}: holds no {part}; get it from {_LIBRISPEECH}")
    wav = {}
    for key, path in audio_files(root / part).items():
        name = _LIBRISPEECH_UTTERANCE.fullmatch(path.stem)
        if name is None or Path(key).parts[-3:-1] != name.groups():
            raise InputError(f"{path}: expected <speaker>/<chapter>/<speaker>-<chapter>-<number>.flac of LibriSpeech")
        wav[path.stem] = path
    what = f"LIBRISPEECH={root}: {part} has {len(wav)} utterances"
    check_count(what, len(wav), LIBRISPEECH_PARTS[part], partial)
    return wav


def librispeech_text(root: Path, part: str, wav: Mapping[str, Path]) -> dict[str, str]:
    """Utterance -> transcript, from ``*.trans.txt`` beside the audio. Raises InputError if one is missing."""
    text: dict[str, str] = {}
    for folder in c_sorted({str(path.parent) for path in wav.values()}):
        for path in Path(folder).glob("*.trans.txt"):
            text |= dict(line.split(" ", 1) for _, line in read_lines(path) if " " in line)
    if missing := [utt for utt in wav if utt not in text]:
        raise InputError(f"LIBRISPEECH={root}: {part}: no transcript (*.trans.txt) of {some_of(missing)}; get it again")
    return {utt: text[utt] for utt in wav}


def librispeech_genders(root: Path) -> dict[str, str]:
    """Speaker -> m or f, from SPEAKERS.TXT (``103 | F | train-clean-100 | ...``); {} without the file."""
    path = root / "SPEAKERS.TXT"
    gender: dict[str, str] = {}
    if not path.is_file():
        return gender
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if line.strip() and not line.startswith(";"):
            speaker, sex, *_ = [*(field.strip() for field in line.split("|")), ""]
            if not speaker.isdigit() or sex not in ("F", "M"):
                raise InputError(f"{path}:{number}: expected '<speaker> | F or M | <part> | ...', got {line!r}")
            gender[speaker] = sex.lower()
    return gender
