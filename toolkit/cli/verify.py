"""Verify speakers: is the voice of a recording that of another, or of enrolled speakers?

Example: voxsift verify a.wav b.wav
         voxsift verify --enroll me1.wav me2.wav --enroll you.wav -- unknown.wav
         voxsift verify --speakers enrolled/ calls/ --prior 0.01 --calibration calibration.json --json

Without --enroll and --speakers the first recording is enrolled and the others are tested. Each --enroll is one speaker,
by one recording or more, and named by the first. --speakers has a folder for each speaker.
llr is the natural logarithm of the likelihood ratio of one speaker to two. The probability is that of one speaker at
--prior, and the decision accepts from 0.5 on. Both need a calibration: fit one on recordings like yours by
'voxsift calibrate'. A bad test recording does not stop the others.
"""

import argparse

from toolkit.cli.shared.options import add_channel, add_inputs, add_json, add_system
from toolkit.io.command_line import real_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift verify``."""
    add_inputs(parser)
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--enroll", nargs="+", action="append", metavar="INPUT", help="recordings of one speaker")
    who.add_argument("--speakers", help="folder with a folder of recordings for each speaker")
    parser.add_argument(
        "--prior", type=real_number(0, 1, inside=True), default=0.5, help="probability of one speaker before listening"
    )
    parser.add_argument("--calibration", help="calibration.json of 'voxsift calibrate'; default: that of the model")
    parser.add_argument("--strict", action="store_true", help="refuse short, noisy or contradictory enrolments")
    add_json(parser)
    add_channel(parser, "channels must be equal")
    add_system(parser)


def main(args: argparse.Namespace) -> None:
    """Verify."""
    from toolkit.cli.shared.verification import verify

    verify(args)
