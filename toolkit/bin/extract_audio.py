"""Extract one speaker by a trained system: of one file, or of formatted data dirs.

One file, any rate and length in, the same out:
    python -m toolkit.bin.extract_audio --enroll a.wav --mixture b.wav --output c.wav --model packed.zip

Data dirs with enroll_spk1.scp, as a job of a recipe: --in_root, --out_root, --work, --job; out come data dirs of the
extracted speech. --absent enrols another speaker than those in the mixture: what should come out is silence.
"""

import argparse
import logging
import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_network_choice, add_signal_arguments, check_device, is_job, run, seconds
from toolkit.io.errors import InputError


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.extract_audio``."""
    parser = Parser(description=__doc__)
    add_network_choice(parser, "valid.loss.ave.pth")
    enroll, mixture = "recording of the wanted speaker alone", "recording with the wanted speaker among others"
    add_signal_arguments(parser, enroll=enroll, mixture=mixture)
    parser.add_argument(
        "--enroll_seconds", type=seconds, help="the first so many seconds of an enrolment; default: all"
    )
    parser.add_argument(
        "--enroll_from",
        nargs="+",
        default=[],
        metavar="SET",
        help="data dirs: formatted sets, e.g. in noise, whose recording of the same id is the enrolment instead",
    )
    parser.add_argument("--absent", action="store_true", help="data dirs: enrol a speaker who is not in the mixture")
    return parser


def one_file(args: argparse.Namespace) -> None:
    """Extract from one mixture."""
    from toolkit.data.extraction import first_seconds
    from toolkit.io.audio import file_info
    from toolkit.systems.inference import convert_file, extract, read_signal
    from toolkit.systems.packing import load_extractor

    if args.absent or args.enroll_from:
        raise InputError("--absent and --enroll_from choose enrolments of data dirs; here --enroll names the enrolment")
    model = load_extractor(args.model, args.weights, args.trust).to(args.device)
    channel = args.channel if file_info(args.enroll).channels > 1 else None  # it is of the mixture, or of both
    enrolment = first_seconds(
        read_signal(args.enroll, model.fs, channel, "enrolment")[0], args.enroll_seconds, model.fs
    )
    if len(enrolment) < 0.5 * model.fs:
        logging.warning(
            "%s: an enrolment of %.2g s; a voice is known by a second or more", args.enroll, len(enrolment) / model.fs
        )
    others = [args.enroll]
    convert_file(
        args.mixture, args.output, model.fs, lambda wav: extract(model, wav, enrolment), args.channel, others, "mixture"
    )
    print(args.output, file=sys.stderr)  # standard output may be the output


def data_dirs(args: argparse.Namespace) -> None:
    """Extract from the mixtures of a work list."""
    from toolkit.data.extraction import first_seconds, fixed_enrolments, other_enrolments
    from toolkit.io.audio import check_usable
    from toolkit.io.datadir import DataDir
    from toolkit.simulate.enrolments import absent_speakers
    from toolkit.systems.inference import convert_sets, extract
    from toolkit.systems.packing import load_extractor

    model = load_extractor(args.model, args.weights, args.trust).to(args.device)

    def of_set(path: Path, keys: list[str]):
        others = args.enroll_from
        enrolled = absent_speakers(DataDir(path), keys) if args.absent else {}
        named = [enrolled.get(key, key) for key in keys]
        voices = other_enrolments(path, others, model.fs, named) if others else fixed_enrolments(path, model.fs, named)

        def make(key, wav):
            whose = enrolled.get(key, key)
            voice = first_seconds(voices.read(whose), args.enroll_seconds, model.fs)
            check_usable(voice, model.fs, f"{key}: its enrolment ({voices.values[whose]})", "choose another")
            return extract(model, wav, voice)

        return make

    convert_sets(args, model.fs, "extract", of_set)


def main(argv=None) -> None:
    """Extract."""
    args = get_parser().parse_args(argv)
    check_device(args.device)
    (data_dirs if is_job(args, "enroll", "mixture") else one_file)(args)


if __name__ == "__main__":
    sys.exit(run(main))
