"""Run several programs of the toolkit in one interpreter, whose start takes longer than most of them.

Standard input, each word ended by a NUL: the number of words that follow, what to do if its input is bad (or empty),
the program (train), its arguments; then the next program. The first failure ends the run. With --mark they are not run
again while their words, the files and systems that these name, --deps and --outputs are the same; what they printed is
printed.
"""

import sys
from pathlib import Path

from toolkit.io.command_line import Parser, run
from toolkit.io.errors import InputError
from toolkit.recipes.programs import output_once, run_all

parser = Parser(description=__doc__)
parser.add_argument("--mark", type=Path, help="file that keeps what was run, and what it printed")
parser.add_argument("--deps", nargs="*", default=[], help="further files that the programs read")
parser.add_argument("--outputs", nargs="*", default=[], help="folders that must be as the programs left them")


def commands(words: list[str]) -> list[list[str]]:
    """Words of each command: remedy, program, arguments."""
    split_commands = []
    while words:
        count = int(words[0]) if words[0].isdigit() else 0
        if count < 2 or len(words) <= count:
            raise InputError(f"standard input: expected a number of words and as many words, got {words[0]!r}")
        split_commands.append(words[1 : count + 1])
        words = words[count + 1 :]
    return split_commands


def main(argv=None) -> None:
    """Run the programs."""
    args = parser.parse_args(argv)
    requests = commands(sys.stdin.read().split("\0")[:-1])
    if args.mark:
        print(output_once(requests, args.mark, args.deps, args.outputs), end="")
    else:
        run_all(requests)


if __name__ == "__main__":
    sys.exit(run(main))
