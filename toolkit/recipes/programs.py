"""Programs of the toolkit in this interpreter, whose start takes longer than most of them do."""

import contextlib
import hashlib
import importlib
import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from toolkit.io.atomic import replacing
from toolkit.io.command_line import run
from toolkit.io.signatures import done_before, named, signature, state


def run_all(requests: list[list[str]]) -> None:
    """Run programs; SystemExit with the exit code of the first that fails.

    Args:
        requests: of each what to do if its input is bad (may be empty), its name in ``toolkit.bin`` and its words.
    """
    for remedy, name, *words in requests:
        if code := run(importlib.import_module(f"toolkit.bin.{name}").main, words, remedy):
            raise SystemExit(code)


def output_of(requests: list[list[str]]) -> str:
    """As :func:`run_all`; returns what the programs print."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        run_all(requests)
    return printed.getvalue()


def output_once(requests: list[list[str]], mark: Path, deps: Sequence[str] = (), outputs: Sequence[str] = ()) -> str:
    """As :func:`output_of`, unless that was done; returns what was printed then.

    Args:
        requests: of :func:`run_all`.
        mark: file that keeps what was run, and what it printed. It holds while the words, the files and systems that
            these name, ``deps`` and ``outputs`` are the same.
        deps: further files that the programs read.
        outputs: files and folders that must be as the programs left them.
    """
    words = [word for request in requests for last, word in pairwise(request[1:]) if last != "--expdir"]
    files = [path for path in named(words) if path not in outputs]
    configs = [path for path in files if path.endswith((".yaml", ".yml"))]
    signed = signature(mark.parent / ".none", repr(requests), [*configs, *deps])
    signed = hashlib.sha256(f"{signed} {state(files)}".encode()).hexdigest()[:16]
    if done_before(mark, signed):
        _, left, *lines = mark.read_text().splitlines()
        if left == state(outputs):
            return "".join(f"{line}\n" for line in lines)
    mark.unlink(missing_ok=True)
    printed = output_of(requests)
    with replacing(mark) as handle:
        handle.write(f"{signed}\n{state(outputs)}\n{printed}")
    return printed
