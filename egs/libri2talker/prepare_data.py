"""Libri-2talker's lists and Libri2Mix's metadata -> plans data/{train,dev,test} of mixtures with their enrolments.

Mixtures of two talkers without noise, cut to the shorter. The lists name mixtures, targets and enrolments; the metadata
has the gains. Sets of recordings, to format first: librispeech_train (of train and dev), librispeech_test.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from listed import of_librispeech
from mixtures import (
    Row,
    add_common_arguments,
    levels,
    plan_set,
    read_part,
    with_audio,
)

from toolkit.io.command_line import Parser, run
from toolkit.io.corpora import (
    check_count,
    corpus,
    incomplete,
    librispeech_genders,
    librispeech_root,
    speaker_of,
    write_speech,
)
from toolkit.io.errors import InputError, some_of
from toolkit.io.text import fields, read_lines

LISTS = "github xuchenglin28/target_speaker_verification (its folder egs/Libri2Mix/data)"
SETS = {"train": ("tr", 127056), "dev": ("cv", 2344), "test": ("tt", 6000)}  # folder of the lists, published targets
SOURCES = {("train", "dev"): ("train-100", "train-360"), ("test",): ("test",)}  # sets, parts of Libri2Mix
_UTT = r"\d+-\d+-\d+"
_KEY = re.compile(rf"s0\w*?_({_UTT}_{_UTT})_({_UTT})")
_FOLDERS = {"mix": ("mix_clean",), "ref": ("s1", "s2"), "aux": ()}  # of the mixture's file; aux is an utterance


@dataclass(frozen=True)
class Target:
    """A line of the lists: a talker (0 or 1) of a mixture, and the enrolment file of the talker."""

    row: Row
    talker: int
    enrolment: Path


def read_list(path: Path) -> Iterator[tuple[str, int, str, str, list[str]]]:
    """Key, number, mixture, enrolment and the four last parts of the path, of each line of mix.scp, aux.scp or ref.scp.

    Raises:
        InputError: the list is missing, or a line is not as published.
    """
    seen: set[str] = set()
    for number, line in read_lines(path, "file not found; is LIBRI2TALKER the folder egs/Libri2Mix/data?"):
        words = fields(line, 1) or [""]
        key, parts = _KEY.fullmatch(words[0]), words[-1].rstrip().split("/")[-4:]
        mixture, utt = key.groups() if key else ("", "")
        ends = [f"/{folder}/{mixture}.wav" for folder in _FOLDERS[path.stem]] or [f"/{utt}.flac"]
        if not key or len(parts) < 4 or not "/".join(parts).endswith(tuple(ends)) or words[0] in seen:
            expected = f"a new s0..._<utt1>_<utt2>_<enrolment> and the path of its {path.stem} file"
            raise InputError(f"{path}:{number}: must be {expected}, got {line!r}; download the list again")
        seen.add(words[0])
        yield words[0], number, mixture, utt, parts


def read_targets(folder: Path, rows: dict[str, Row], allow_missing: bool) -> list[Target]:
    """The targets of a set, in the order of its mix.scp.

    Args:
        folder: folder of the three lists.
        rows: mixture -> metadata.
        allow_missing: skip targets without audio, with a warning.

    Raises:
        InputError: a list is not as published, or does not fit the others or the metadata.
    """
    parts = {}
    for name in ("ref", "aux"):
        parts[name] = {key: (number, *parts) for key, number, _, _, parts in read_list(folder / f"{name}.scp")}
    targets: dict[tuple[str, int], Target] = {}
    missing = []
    for key, number, mixture, utt, _ in read_list(folder / "mix.scp"):
        if key not in parts["ref"] or key not in parts["aux"] or mixture not in rows:
            expected = "must be in ref.scp, aux.scp and, as a mixture, in the metadata of Libri2Mix"
            raise InputError(f"{folder}/mix.scp:{number}: {key}: {expected}; download the lists again")
        number, *_, source, _ = parts["ref"][key]
        row, talker = rows[mixture], int(source[1]) - 1
        target = row.speech[talker].stem
        if speaker_of(target) != speaker_of(utt) or target == utt or (mixture, talker) in targets:
            expected = f"a talker of {mixture}, once, with the enrolment {utt}"
            message = f"{folder}/ref.scp:{number}: {source} is {target}, must be {expected}"
            raise InputError(f"{message}; download the list again")
        try:
            targets[mixture, talker] = Target(row, talker, of_librispeech("/".join(parts["aux"][key][1:])))
        except InputError:
            missing.append(utt)
    if len(targets) + len(missing) < max(map(len, parts.values())):
        raise InputError(f"{folder}/mix.scp: lacks keys of ref.scp or aux.scp; download the lists again")
    if missing:
        incomplete(f"{folder}/aux.scp: {len(missing)} enrolments have no audio: {some_of(missing, 3)}", allow_missing)
    rows_with_audio = set(with_audio(_rows_of(targets.values()), folder, False, allow_missing))
    return [target for target in targets.values() if target.row in rows_with_audio]


def _rows_of(targets: Iterable[Target]) -> list[Row]:
    """The mixtures of the targets, each once."""
    return list(dict.fromkeys(target.row for target in targets))


def main(argv=None) -> None:
    """Write all sets."""
    parser = Parser("local/data.sh", description=__doc__)
    add_common_arguments(parser, fs=16000)
    parser.set_defaults(mode="min", seed=0)  # of plan_set
    args = parser.parse_args(argv)
    lists, gender = corpus("LIBRI2TALKER", LISTS), librispeech_genders(librispeech_root())
    sets: dict[str, list[Target]] = {}
    for group, parts in SOURCES.items():
        rows = {row.id: row for part in parts for row in read_part(part, False, args.partial)[1]}
        for name in group:
            folder, published = lists / SETS[name][0], SETS[name][1]
            sets[name] = read_targets(folder, rows, args.partial)
            check_count(f"{folder}: {len(sets[name])} targets", len(sets[name]), published, args.partial)
    for group in SOURCES:
        speech = args.outdir / f"librispeech_{group[0]}"
        targets = [target for name in group for target in sets[name]]
        wav = {file.stem: file for target in targets for file in (*target.row.speech, target.enrolment)}
        write_speech(speech, wav, {utt: speaker_of(utt) for utt in wav}, spk2gender=gender)
        for name in group:
            enrolments = {target.row.key(target.talker): target.enrolment.stem for target in sets[name]}
            decibels = {} if name == "train" else levels(_rows_of(sets[name]), {}, args.mode, args.workers)
            pairs = [(target.row, target.talker) for target in sets[name]]
            plan_set(args.outdir / name, "mix_clean", pairs, lambda m, e=enrolments: e[m.id], decibels, [speech], args)


if __name__ == "__main__":
    sys.exit(run(main))
