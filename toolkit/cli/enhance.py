"""Enhance recordings: the speech in them without the noise.

Example: voxsift enhance noisy.wav -o clean.wav
         voxsift enhance recordings/ 'more/*.flac' -o enhanced/ --model exp/se_train_gtcrn
         cat noisy.wav | voxsift enhance - -o - > clean.wav

Outputs have the rate, length and channels of the inputs; those that are there already are kept. A recording longer than
5 minutes is enhanced in blocks that overlap by 2 s, where they are cross-faded.
"""

import argparse

from toolkit.cli.shared.options import add_audio_output, add_inputs, add_system
from toolkit.io.command_line import share


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift enhance``."""
    add_inputs(parser, "noisy recordings")
    add_audio_output(parser)
    parser.add_argument(
        "--keep", type=share, default=0.0, help="share of the recording in the output (observation adding), 0 to 1"
    )
    add_system(parser)


def main(args: argparse.Namespace) -> None:
    """Enhance."""
    from toolkit.cli.shared.conversion import convert
    from toolkit.cli.shared.systems import load_system

    enhancer = load_system("se", args)
    convert(args, enhancer.fs, "enhance", lambda recording: enhancer.enhance(recording, observation=args.keep))
