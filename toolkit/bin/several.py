"""Run several programs of the toolkit in one interpreter, whose start takes longer than most of them.

Standard input, each word ended by a NUL: the number of words that follow, the message if the program fails (may be
empty), the program (train), its arguments; then the next program. The first failure ends the run.
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
    """Words of each command: message on failure, program, arguments."""
    split_commands = []
    while words:
        count = int(words[0]) if words[0].isdigit() else 0
        if count < 2 or len(words) <= count:
            raise InputError(f"standard input: expected a number of words and as many words, got {words[0]!r}")
        split_commands.append(words[1 : count + 1])
        words = words[count + 1 :]
    return split_commands


def main(argv=None) -> None:
    """Run the programs; SystemExit with the exit code of the first that fails."""
    get_parser().parse_args(argv)
    for remedy, name, *words in commands(sys.stdin.read().split("\0")[:-1]):
        code: str | int | None
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
