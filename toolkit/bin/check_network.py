"""Check before other work that a network can be used later: an experiment, a packed model, a config without training.

Examples: python -m toolkit.bin.check_network se --model exp/se_a --fs 16000
          python -m toolkit.bin.check_network sv --config conf/mean_fbank.yaml
"""

import argparse
import sys
from pathlib import Path

import yaml

from toolkit.io.atomic import replacing
from toolkit.io.command_line import Parser, add_trust, rate, run
from toolkit.io.config import load_config
from toolkit.io.errors import InputError
from toolkit.systems.kinds import known_tasks, system_class


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.check_network TASK``."""
    parser = Parser(description=__doc__)
    parser.add_argument("task", choices=known_tasks())
    one = parser.add_mutually_exclusive_group(required=True)
    one.add_argument("--model", help="folder of an experiment, or packed.zip")
    one.add_argument("--config", help="config of a network that needs no training")
    parser.add_argument("--weights", help="which weights of the folder; default: those that training leaves for use")
    add_trust(parser)
    parser.add_argument("--fs", type=rate, help="rate in Hz that the network must be for")
    parser.add_argument("--whole", help="only write the config there, together with what it is based on")
    return parser


def main(argv=None) -> None:
    """Load it; InputError says what is wrong."""
    args = get_parser().parse_args(argv)
    if args.whole:
        with replacing(Path(args.whole)) as handle:
            yaml.safe_dump(load_config(args.config), handle, sort_keys=False)
        return
    kind = system_class(args.task)
    system = kind.untrained(args.config) if args.config else kind.load(args.model, args.weights, args.trust)
    if args.fs not in (None, system.fs):
        where = args.model or args.config
        raise InputError(f"{where}: is for {system.fs} Hz, the recordings are at {args.fs} Hz (--fs)")


if __name__ == "__main__":
    sys.exit(run(main))
