"""Check before other work that a network can be used later: an experiment, a packed model, a config without training.

Examples: python -m toolkit.bin.check_network se --system exp/se_a --fs 16000
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


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.check_network TASK``."""
    parser = Parser(description=__doc__)
    parser.add_argument("task", choices=["sv", "se"])
    one = parser.add_mutually_exclusive_group(required=True)
    one.add_argument("--system", help="folder of an experiment, or packed.zip")
    one.add_argument("--config", help="config of a verification network that needs no training")
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
    from toolkit.systems.packing import load_embedder, load_enhancer
    from toolkit.tasks.verification.spec import build_embedder

    if args.task == "se":
        fs = load_enhancer(args.system, trust=args.trust).fs
    else:
        embedder = build_embedder(args.config) if args.config else load_embedder(args.system, trust=args.trust)
        fs = embedder.frontend.fs
    if args.fs not in (None, fs):
        raise InputError(f"{args.system or args.config}: is for {fs} Hz, the recordings are at {args.fs} Hz (--fs)")


if __name__ == "__main__":
    sys.exit(run(main))
