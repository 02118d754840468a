"""Calibrate a verifier on your own recordings, so that its likelihood ratios hold for them.

Example: voxsift calibrate my_recordings/ -o calibration.json
         voxsift verify a.wav b.wav --calibration calibration.json

The folder has a folder for each speaker, with two recordings or more, best from different days and with the noise of
the later use. Thresholds from clean corpora reject many true speakers in noise; these are yours. The file names the
number of trials, the equal error rate, and the errors at the threshold, cross-validated over speakers, with intervals.
"""

import argparse

from toolkit.cli.shared.options import add_channel, add_json, add_overwrite, add_system
from toolkit.io.command_line import add_bootstrap_arguments, real_number, whole_number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift calibrate``."""
    parser.add_argument("folder", help="a folder of recordings for each speaker")
    parser.add_argument("-o", "--output", default="calibration.json", help="file to write")
    parser.add_argument(
        "--p_target",
        type=real_number(0, 1, inside=True),
        default=0.5,
        help="probability of one speaker for which the fit is at its best",
    )
    parser.add_argument(
        "--max_trials", type=whole_number(100, 10**7), default=100_000, help="pairs of each kind, drawn by --seed"
    )
    add_bootstrap_arguments(parser, 100)
    add_overwrite(parser)
    add_json(parser)
    add_channel(parser, "channels must be equal")
    add_system(parser)


def main(args: argparse.Namespace) -> None:
    """Calibrate."""
    from toolkit.cli.shared.calibrating import calibrate

    calibrate(args)
