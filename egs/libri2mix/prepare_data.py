"""Libri2Mix's metadata -> plans of mixtures, data/{train,dev,test}_<condition>, and sets of their recordings.

Sets of recordings, to format first: librispeech_<part>, wham_<part>, where part is train-100, train-360, dev or test. A
plan has the gains of the metadata, and lengths at the rate of --fs. Shared by the tasks of this dataset.

With --parts test_libri2mix: data/test_libri2mix, a test set for any extraction recipe. It has each mixture of
LIBRI2MIX_TEST twice, with each talker as target: mix_clean, cut to the shorter. Its recordings are
librispeech_test_libri2mix.
"""

import argparse
import os
import sys
from pathlib import Path

from listed import read_list
from mixtures import (
    METADATA,
    PARTS,
    Row,
    add_common_arguments,
    levels,
    plan_set,
    read_metadata,
    read_part,
    with_audio,
    write_noises,
)
from sources import make_source, mapped

from toolkit.io.command_line import Parser, run
from toolkit.io.corpora import incomplete, librispeech_genders, librispeech_root, speaker_of, write_speech
from toolkit.io.errors import InputError, some_of
from toolkit.simulate.enrolments import EnrolmentPool, planned

CONDITIONS = ("mix_single", "mix_clean", "mix_both")
OFFICIAL_TEST = "test_libri2mix"  # the mixtures of LIBRI2MIX_TEST, for any recipe
SETS = ("train", "dev", "test", OFFICIAL_TEST)


def get_parser() -> argparse.ArgumentParser:
    """Options; corpora come from db.sh by the environment."""
    parser = Parser("local/data.sh", description=__doc__)
    add_common_arguments(parser, fs=8000)
    parser.add_argument("--parts", nargs="+", choices=SETS, default=["train", "dev", "test"], help="sets to plan")
    parser.add_argument("--mode", choices=["min", "max"], default="min", help="cut to the shorter talker, or pad")
    parser.add_argument("--conditions", nargs="+", choices=CONDITIONS, default=["mix_clean"])
    parser.add_argument("--subset", choices=["train-100", "train-360"], default="train-100", help="training subset")
    parser.add_argument(
        "--both_targets", nargs="*", choices=["train", "dev", "test"], default=[],
        help="sets with each mixture twice, once per target talker; in other sets the first talker is the target",
    )  # fmt: skip
    parser.add_argument(
        "--enroll_lists", nargs="*", metavar="SET=FILE", default=[],
        help="enrolment lists of train, dev, test, lines '<mixture> <path>'; default: drawn, in dev and test by --seed",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="seed of the enrolments of dev and test")
    return parser


def targets_of(rows: list[Row], both: bool, pool: EnrolmentPool, partial: bool) -> list[tuple[Row, int]]:
    """Mixtures and their target talker; reports targets without an enrolment."""
    targets = [(row, target) for row in rows for target in ((0, 1) if both else (0,))]
    lone = {utt for row, target in targets if not pool.has_another(speaker_of(utt := row.speech[target].stem), utt)}
    if lone:
        incomplete(f"{len(lone)} targets have no other utterance to enrol their speaker: {some_of(lone, 3)}", partial)
        targets = [(row, target) for row, target in targets if row.speech[target].stem not in lone]
    if not targets:
        raise InputError(f"{', '.join(pool.data_dirs)}: no target can be enrolled; is LibriSpeech complete?")
    return targets


def prepare(part: str, args: argparse.Namespace, gender: dict[str, str]) -> None:
    """Sets and plans of one part."""
    name, noisy = part.split("-")[0], args.conditions != ["mix_clean"]
    both = name in args.both_targets
    path, rows = read_part(part, noisy, args.partial) if part in PARTS else _read_official_test()
    rows = with_audio(rows, path, noisy, args.partial)
    speech, noise = args.outdir / f"librispeech_{part}", args.outdir / f"wham_{part}"
    listed, jobs = read_list(args.enroll_lists.get(name), rows, both, speech)
    mapped(make_source, jobs, args.workers, "enrolments")
    wav = {file.stem: file for row in rows for file in row.speech} | dict(listed.values())
    write_speech(speech, wav, {utt: speaker_of(utt) for utt in wav}, spk2gender=gender)
    noises = write_noises(noise, rows, args.workers) if noisy else {}
    decibels = {} if name == "train" else levels(rows, noises, args.mode, args.workers)
    pool = EnrolmentPool(speech)
    targets = targets_of(rows, both, pool, args.partial)

    def choose(mixture):
        return listed[mixture.id][0] if listed else planned(mixture, mixture.speaker, pool, args.seed)

    for condition in args.conditions:
        words = [part if part == "train-360" else name, condition, *["max"] * (args.mode == "max"), *["x2"] * both]
        plan_set(
            args.outdir / ("_".join(words) if part in PARTS else part),
            *(condition, targets, choose if name != "train" or listed else None, decibels),
            *([speech] if condition == "mix_clean" else [speech, noise], args),
        )


def _read_official_test() -> tuple[Path, list[Row]]:
    """The file that LIBRI2MIX_TEST names, and its lines."""
    path = Path(os.environ.get("LIBRI2MIX_TEST", ""))
    if not path.is_file():
        source = f"lines of libri2mix_test-clean.csv, from {METADATA}"
        raise InputError(f"LIBRI2MIX_TEST={path}: file not found; must be {source}; set LIBRI2MIX_TEST in db.sh")
    return path, list(read_metadata(path, False))


def main(argv=None) -> None:
    """Write all sets."""
    args = get_parser().parse_args(argv)
    if odd := [word for word in args.enroll_lists if word.split("=")[0] not in SETS or "=" not in word]:
        raise InputError(f"--enroll_lists {odd[0]}: must be train=FILE, dev=FILE or test=FILE")
    args.enroll_lists = dict(word.split("=", 1) for word in args.enroll_lists)
    gender = librispeech_genders(librispeech_root())
    official = {"conditions": ["mix_clean"], "mode": "min", "both_targets": [OFFICIAL_TEST]}
    for name in args.parts:
        part = args.subset if name == "train" else name
        prepare(part, argparse.Namespace(**(vars(args) | (official if part == OFFICIAL_TEST else {}))), gender)


if __name__ == "__main__":
    sys.exit(run(main))
