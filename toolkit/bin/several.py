"""Run several programs of the toolkit, one after another, in one interpreter: its start takes longer than most of them.

Standard input, each word ended by a NUL: the number of words that follow, what to say where it fails (may be empty),
the program (train), its words; and the next. It ends with the first that fails.
"""

import argparse
import importlib
import sys

from toolkit.io.command_line import Parser, run
from toolkit.io.errors import InputError


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.several``: none."""
    return Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)


def commands(words: list[str]) -> list[list[str]]:
    """The words of each: what to say, program, its own words."""
    found = []
    while words:
        count = int(words[0]) if words[0].isdigit() else 0
        if count < 2 or len(words) <= count:
            raise InputError(f"standard input: expected a number of words and as many words, got {words[0]!r}")
        found.append(words[1 : count + 1])
        words = words[count + 1 :]
    return found


def main(argv=None) -> None:
    """Run them; SystemExit with the code of the first that fails."""
    get_parser().parse_args(argv)
    for remedy, name, *words in commands(sys.stdin.read().split("\0")[:-1]):
        program = importlib.import_module(f"toolkit.bin.{name}")
        try:
            code = run(program.main, words)
        except SystemExit as error:  # a wrong option
            code = error.code
        if code:
            if remedy:
                print(f"error: {remedy}", file=sys.stderr)
            raise SystemExit(code)


if __name__ == "__main__":
    sys.exit(run(main))
