"""Run several programs of the toolkit in one interpreter, whose start takes longer than most of them.

Standard input, each word ended by a NUL: the number of words that follow, the message if the program fails (may be
empty), the program (train), its arguments; then the next program. The first failure ends the run. With --mark they are
not run again while their words, the files and systems that these name, --deps and --outputs are the same; what they
printed is printed.
"""

import contextlib
import hashlib
import importlib
import io
import sys
from itertools import pairwise
from pathlib import Path

from toolkit.io.command_line import Parser, run
from toolkit.io.errors import InputError

parser = Parser(description=__doc__)
parser.add_argument("--mark", type=Path, help="file that keeps what was run, and what it printed")
parser.add_argument("--deps", nargs="*", default=[], help="further files that the programs read")
parser.add_argument("--outputs", nargs="*", default=[], help="folders that must be as the programs left them")


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


def run_all(requests: list[list[str]]) -> None:
    """Run the programs; SystemExit with the exit code of the first that fails."""
    for remedy, name, *words in requests:
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


def run_once(requests: list[list[str]], mark: Path, deps: list[str], outputs: list[str]) -> None:
    """As :func:`run_all`, unless the mark says that it was done; prints what was printed then."""
    from toolkit.io.atomic import replacing
    from toolkit.io.signatures import done_before, named, signature, state

    words = [word for request in requests for last, word in pairwise(request[1:]) if last != "--expdir"]
    files = [path for path in named(words) if path not in outputs]
    configs = [path for path in files if path.endswith((".yaml", ".yml"))]
    signed = signature(mark.parent / ".none", repr(requests), [*configs, *deps])
    signed = hashlib.sha256(f"{signed} {state(files)}".encode()).hexdigest()[:16]
    if done_before(mark, signed):
        _, left, *lines = mark.read_text().splitlines()
        if left == state(outputs):
            print("".join(f"{line}\n" for line in lines), end="")
            return
    mark.unlink(missing_ok=True)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        run_all(requests)
    with replacing(mark) as handle:
        handle.write(f"{signed}\n{state(outputs)}\n{printed.getvalue()}")
    print(printed.getvalue(), end="")


def main(argv=None) -> None:
    """Run the programs."""
    args = parser.parse_args(argv)
    requests = commands(sys.stdin.read().split("\0")[:-1])
    if args.mark:
        run_once(requests, args.mark, args.deps, args.outputs)
    else:
        run_all(requests)


if __name__ == "__main__":
    sys.exit(run(main))
