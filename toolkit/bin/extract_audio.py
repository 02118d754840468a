"""Extract one speaker with a trained system: from one file, or from formatted data dirs.

One file of any rate and length; the output has the same:
    python -m toolkit.bin.extract_audio --enroll a.wav --mixture b.wav --output c.wav --model packed.zip
Several recordings of the speaker: --enroll a.wav a2.wav.

Data dirs with enroll_spk1.scp, as a job of a recipe: --in_root, --out_root, --work, --job. The output is
data dirs of the extracted speech. With --enroll_from a line of utt2enroll may name several utterances, `a-1 a-2 a-3`.
--absent enrols a speaker who is not in the mixture: the output should be silence.
"""

import argparse
import logging
import sys
from functools import partial
from pathlib import Path

from toolkit.io.command_line import Parser, add_network_choice, add_signal_arguments, is_job, run, seconds, share
from toolkit.io.errors import InputError

parser = Parser(description=__doc__)
add_network_choice(parser)
enroll, mixture = "recordings of only the target speaker", "recording of the target speaker among others"
add_signal_arguments(parser, several=("enroll",), enroll=enroll, mixture=mixture)
parser.add_argument(
    "--enroll_seconds", type=seconds, help="use only this many seconds from the start of an enrolment; default: all"
)
parser.add_argument(
    "--enroll_from",
    nargs="+",
    default=[],
    metavar="SET",
    help="data dirs: formatted sets, e.g. in noise, whose recording of the same id is the enrolment instead",
)
parser.add_argument(
    "--observation",
    type=share,
    default=0.0,
    help="data dirs: share of the mixture in the output, (1 - beta) extracted + beta mixture",
)
parser.add_argument("--absent", action="store_true", help="data dirs: enrol a speaker who is not in the mixture")


def one_file(args: argparse.Namespace) -> None:
    """Extract from one mixture."""
    from toolkit.data.extraction import first_seconds
    from toolkit.io.audio import file_info
    from toolkit.systems.extractor import Extractor
    from toolkit.systems.signals import convert_file, recording_of

    if args.absent or args.enroll_from or args.observation:
        raise InputError("--absent, --enroll_from and --observation are for data dirs; one file has --enroll alone")
    extractor = Extractor.chosen(args)
    enrolments, lasts = [], 0.0
    for path in args.enroll:
        channel = args.channel if file_info(path).channels > 1 else None  # it is of the mixture, or of all
        enrolled = recording_of(path, None, "enrolment", channel)
        enrolled = enrolled._replace(samples=first_seconds(enrolled.samples, args.enroll_seconds, enrolled.fs))
        lasts += len(enrolled.samples) / enrolled.fs
        enrolments.append(enrolled.at(extractor.fs))
    if lasts < 0.5:
        named = ", ".join(args.enroll)
        logging.warning("%s: an enrolment of %.2g s; a voice is known by a second or more", named, lasts)
    make = partial(extractor.extract, args.mixture, enrolments, extractor.fs, args.channel)
    convert_file(args.mixture, args.output, make, args.enroll)
    print(args.output, file=sys.stderr)  # standard output may be the output


def data_dirs(args: argparse.Namespace) -> None:
    """Extract from the mixtures of a work list."""
    from toolkit.data.extraction import first_seconds, fixed_enrolments, other_enrolments
    from toolkit.io.datadir import DataDir
    from toolkit.io.jobs import read_work
    from toolkit.io.samples import check_usable
    from toolkit.io.variants import declare_variant
    from toolkit.simulate.enrolments import absent_speakers
    from toolkit.systems.extractor import Extractor
    from toolkit.systems.signals import convert_sets

    extractor = Extractor.chosen(args)
    fs = extractor.fs

    def of_set(path: Path, keys: list[str]):
        others = args.enroll_from
        enrolled = absent_speakers(DataDir(path), keys) if args.absent else {}
        named = [enrolled.get(key, key) for key in keys]
        if others:
            table, utts = other_enrolments(path, others, fs, named)
        else:
            table, utts = fixed_enrolments(path, fs, named), {key: [key] for key in named}

        def make(key, wav):
            voices = []
            for utt in utts[enrolled.get(key, key)]:
                voices.append(first_seconds(table.read(utt), args.enroll_seconds, fs))
                check_usable(voices[-1], fs, f"{key}: its enrolment ({table.values[utt]})", "choose another")
            return (1 - args.observation) * extractor.extract(wav, voices, fs) + args.observation * wav

        return make

    convert_sets(args, fs, "extract", of_set)
    swept = "observation" if args.observation else "enroll_seconds"
    declare_variant(args.out_root, read_work(args.work), swept, getattr(args, swept))


def main(argv=None) -> None:
    """Extract."""
    args = parser.parse_args(argv)
    (data_dirs if is_job(args, "enroll", "mixture") else one_file)(args)


if __name__ == "__main__":
    sys.exit(run(main))
