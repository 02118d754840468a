"""Train a speech-enhancement system from a config; the same command again goes on where it stopped."""

import sys

from toolkit.bin.cli import run
from toolkit.io.config import ConfigParser
from toolkit.tasks.signal_experiment import ENHANCEMENT, add_arguments, check, train


def get_parser() -> ConfigParser:
    """Options of ``python -m toolkit.bin.se_train``."""
    parser = ConfigParser.command_line(__doc__)
    add_arguments(parser, ENHANCEMENT)
    return parser


def main(argv=None) -> None:
    """Train, or with --check only construct what the config says and print the stream it trains from."""
    parser = get_parser()
    parser.add_argument("--check", action="store_true", help="check the config, print wav, and end")
    args = parser.parse(argv)
    if args.pop("check"):
        print(check(parser, args))
    else:
        train(parser, args, ENHANCEMENT)


if __name__ == "__main__":
    sys.exit(run(main))
