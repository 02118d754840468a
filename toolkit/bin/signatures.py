"""Signatures of sets, by which a recipe detects finished work: one per line of standard input, tab-separated:

<data dir>	<what the stage does>	<file> <file> ...
"""

import argparse
import sys

from toolkit.io.command_line import Parser, run
from toolkit.io.errors import InputError
from toolkit.io.signatures import signature

parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)


def main(argv=None) -> None:
    """Print the signature of each line."""
    parser.parse_args(argv)
    for number, line in enumerate(sys.stdin, 1):
        fields = line.rstrip("\n").split("\t")
        if len(fields) != 3:
            raise InputError(f"standard input, line {number}: expected <data dir>, <words>, <files>, tab-separated")
        print(signature(fields[0], fields[1], fields[2].split()))


if __name__ == "__main__":
    sys.exit(run(main))
