"""Enhance the microphone, or extract a speaker from it, and play the result, until Ctrl-C.

Example: voxsift live --model exp/se_train_gtcrn
         voxsift live --input_device 2 --output_device "USB Audio" --keep 0.1
         voxsift live --enroll me.wav --model exp/tse_train_gtcrn

Needs a causal network (GTCRN, Demucs with a fixed level; with --enroll GTCRNExtractor) and tools/install.sh --extras
live. Use headphones: a loudspeaker would be heard by the microphone. The reported latency is that of the algorithm; the
computation and the sound card add to it.
"""

import argparse

from toolkit.cli.shared.options import INPUTS, add_block, add_system
from toolkit.io.command_line import real_number, share


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift live``."""
    parser.add_argument("--input_device", type=_device, help="number or name of the microphone; default: the system's")
    parser.add_argument("--output_device", type=_device, help="number or name of the output; default: the system's")
    parser.add_argument("--seconds", type=real_number(0.1, 1e6), help="stop after this time; default: at Ctrl-C")
    add_block(parser, 16)
    parser.add_argument("--enroll", nargs="+", metavar="INPUT", help=f"extract this speaker; recordings: {INPUTS}")
    parser.add_argument(
        "--keep", type=share, default=0.0, help="share of the recording in the output (observation adding), 0 to 1"
    )
    add_system(parser)


def _device(word: str) -> int | str:
    return int(word) if word.isdigit() else word


def main(args: argparse.Namespace) -> None:
    """Enhance the microphone, or extract from it."""
    from toolkit.cli.shared.enrolments import read_enrolments, warn_of_quality
    from toolkit.cli.shared.inputs import inputs_of
    from toolkit.cli.shared.streaming import play_live
    from toolkit.cli.shared.systems import load_system
    from toolkit.io.errors import InputError

    if not args.enroll:
        play_live(load_system("se", args).stream(args.keep), args)
        return
    if args.keep:
        raise InputError("--keep: is for enhancement; leave it out with --enroll")
    extractor = load_system("tse", args)
    enrolments = read_enrolments(inputs_of(args.enroll), extractor.fs)
    stream = extractor.stream(enrolments)
    warn_of_quality(enrolments)
    play_live(stream, args)
