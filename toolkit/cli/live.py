"""Enhance the microphone and play the result, until Ctrl-C.

Example: voxsift live --model exp/se_train_gtcrn
         voxsift live --input_device 2 --output_device "USB Audio" --keep 0.1

Needs a causal network, such as GTCRN, and tools/install.sh --extras live. Use headphones: a loudspeaker would be heard
by the microphone. The reported latency is that of the algorithm; the computation and the sound card add to it.
"""

import argparse

from toolkit.cli.shared.options import add_system
from toolkit.io.command_line import real_number, share


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift live``."""
    parser.add_argument("--input_device", type=_device, help="number or name of the microphone; default: the system's")
    parser.add_argument("--output_device", type=_device, help="number or name of the output; default: the system's")
    parser.add_argument("--seconds", type=real_number(0.1, 1e6), help="stop after this time; default: at Ctrl-C")
    parser.add_argument("--block_ms", type=real_number(1, 1000), default=16, help="audio that is read at once")
    parser.add_argument(
        "--keep", type=share, default=0.0, help="share of the recording in the output (observation adding), 0 to 1"
    )
    add_system(parser)


def _device(word: str) -> int | str:
    return int(word) if word.isdigit() else word


def main(args: argparse.Namespace) -> None:
    """Enhance the microphone."""
    from toolkit.cli.shared.streaming import enhance_live
    from toolkit.cli.shared.systems import load_system

    enhance_live(load_system("se", args), args)
