"""Train a speech-enhancement system from a config; the same command again goes on where it stopped."""

import sys
from functools import partial

from toolkit.io.command_line import run
from toolkit.io.config import ConfigParser
from toolkit.tasks.enhancement.spec import ENHANCEMENT, add_arguments, check, train
from toolkit.train.experiment import check_or_train


def get_parser() -> ConfigParser:
    """Options of ``python -m toolkit.bin.se_train``."""
    parser = ConfigParser.command_line(__doc__)
    add_arguments(parser, ENHANCEMENT)
    return parser


def main(argv=None) -> None:
    """Train, or with --check only construct what the config says and print the stream it trains from."""
    check_or_train(get_parser(), check, partial(train, kind=ENHANCEMENT), argv)


if __name__ == "__main__":
    sys.exit(run(main))
