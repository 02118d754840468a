"""Enhance recordings: the speech in them without the noise.

Example: voxsift enhance noisy.wav -o clean.wav
         voxsift enhance recordings/ 'more/*.flac' -o enhanced/ --model exp/se_train_gtcrn
         cat noisy.wav | voxsift enhance - -o - > clean.wav
         arecord -t raw -f S16_LE -r 16000 | voxsift enhance --stream - -o - --model exp/se_train_gtcrn | aplay ...

Outputs have the rate, length and channels of the inputs; those that are there already are kept. A recording longer than
5 minutes is enhanced in blocks that overlap by 2 s, where they are cross-faded.

--stream writes speech as standard input arrives: 16-bit PCM of one channel at the rate of the network, raw or as WAV;
the output has the same form. It needs a causal network: GTCRN, or Demucs with a fixed level. The latency is reported.
"""

import argparse

from toolkit.cli.shared.options import add_audio_output, add_inputs, add_stream, add_system
from toolkit.io.command_line import share


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift enhance``."""
    add_inputs(parser, "noisy recordings")
    add_audio_output(parser)
    parser.add_argument(
        "--keep", type=share, default=0.0, help="share of the recording in the output (observation adding), 0 to 1"
    )
    add_stream(parser, "enhance")
    add_system(parser)


def main(args: argparse.Namespace) -> None:
    """Enhance."""
    from toolkit.cli.shared.streaming import check_options, convert_standard_input
    from toolkit.cli.shared.systems import load_system

    check_options(args)
    enhancer = load_system("se", args)
    if args.stream:
        convert_standard_input(enhancer.stream(args.keep), args)
        return
    from toolkit.cli.shared.conversion import convert

    convert(args, enhancer.fs, "enhance", lambda recording: enhancer.enhance(recording, observation=args.keep))
