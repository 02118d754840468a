"""Shared parts of all command lines: bad input ends in one clear line and exit code 1."""

import argparse
import errno
import logging
import os
import re
import sys
from collections.abc import Callable, Container
from itertools import pairwise
from typing import NamedTuple, cast

from toolkit.io.errors import InputError, is_text, nearest, one_line

# Errors of the machine; other errors that name a file are the user's.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MOST = 10**9  # of any whole number that is counted up to


class _Help(argparse.RawDescriptionHelpFormatter):
    """The description as it is written; behind options their default, unless it is empty, and their range."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text, default = action.help or "", action.default
        plain = (
            isinstance(default, (int, float, str)) and not isinstance(default, bool) and default != argparse.SUPPRESS
        )
        notes = ["%(default)s"] if plain and default != "" and "default" not in text else []
        notes += [action.type.range] if isinstance(action.type, Number) else []
        return f"{text} ({'; '.join(notes)})".strip() if notes else text


class _OutOfRange(Exception):
    """An option's value has the right type but is too small or too large."""


class Parser(argparse.ArgumentParser):
    """A command line whose faults are one line that names the option, and the nearest known option (exit 2)."""

    def __init__(self, prog: str | None = None, **kwargs):
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        if prog is None and spec is not None and spec.name.startswith("toolkit."):
            prog = f"python -m {spec.name}"  # as it was called
        super().__init__(prog=prog, **{"formatter_class": _Help, **kwargs})

    def parse_known_args(self, args=None, namespace=None):
        """As in the base class, but an unknown option is reported before a missing one, which may be a misspelling."""
        for word in sys.argv[1:] if args is None else args:
            if not is_text(word):
                self.error(f"{word!a}: must be UTF-8 text")
            name = word.partition("=")[0]
            if word == "--":
                break
            if name.startswith("--") and " " not in name and not self._means(name):
                self.error(f"{name}: no such option{nearest(name, self._option_string_actions)}")
        return super().parse_known_args(args, namespace)

    def _means(self, name: str) -> bool:
        known = self._option_string_actions
        return name in known or (self.allow_abbrev and any(option.startswith(name) for option in known))

    def _get_values(self, action, arg_strings):
        if arg_strings and not any(arg_strings):
            raise argparse.ArgumentError(action, "must not be empty")
        return super()._get_values(action, arg_strings)

    def _get_value(self, action, arg_string):
        try:
            return super()._get_value(action, arg_string)
        except _OutOfRange as error:
            option = (action.option_strings or [action.dest])[0]
            raise InputError(f"{option} {arg_string}: {error}") from None

    def error(self, message: str):
        """Print the message and exit."""
        line = one_line(message.rstrip("?"))
        self.exit(2, f"error: {line}{'? See' if message.endswith('?') else '; see'} {self.prog} --help\n")


class Number(NamedTuple):
    """The ``type`` of an option that is a number in a range; ``inside``: but not one of its ends."""

    kind: type[int] | type[float]
    least: float
    most: float
    inside: bool = False

    @property
    def range(self) -> str:
        """``from 0 to 1``; of a whole number all its digits."""
        least, most = (end if self.kind is int else f"{end:g}" for end in (self.least, self.most))
        return f"above {least} and below {most}" if self.inside else f"from {least} to {most}"

    def __call__(self, word: str) -> float:
        """The number that a word is."""
        what = "a whole number" if self.kind is int else "a number"
        try:
            value = self.kind(word)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {what}, got {word!r}") from None
        if not self.least <= value <= self.most or (self.inside and value in (self.least, self.most)):
            raise _OutOfRange(f"must be {what} {self.range}")
        return value


def whole_number(least: int = 0, most: int = _MOST) -> Callable[[str], float]:
    """The ``type`` of an option that is a whole number in a range."""
    return cast(Callable[[str], float], Number(int, least, most))


def real_number(least: float, most: float, *, inside: bool = False) -> Callable[[str], float]:
    """The ``type`` of an option that is a number in a range; ``inside``: but not one of its ends."""
    return cast(Callable[[str], float], Number(float, least, most, inside))


positive_int, seed, share = whole_number(1), whole_number(0, 2**32 - 1), real_number(0, 1)
rate = whole_number(100, 1_000_000)  # Hz
seconds = real_number(0, 1e9, inside=True)


def channel(word: str) -> int | str:
    """The ``type`` of --channel: a number from 0, or ``mean``."""
    if word == "mean" or (word.isascii() and word.isdecimal() and len(word) < 5):
        return word if word == "mean" else int(word)
    raise argparse.ArgumentTypeError(f"must be a channel from 0, or mean, got {word!r}")


def run(main: Callable[[list[str] | None], None], argv: list[str] | None = None) -> int:
    """Call ``main``; return the process's exit code.

    An InputError, an error that names a file, a full disk or memory gives one line on stderr (exit 1). If the reader
    of the output has ended (``| head``), the program ends silently (141, as by the signal). A bug keeps its traceback.
    """
    line, date = "%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=line, datefmt=date)
    try:
        main(argv)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left to flush at exit goes there
        return 141
    except InputError as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.filename is None and error.errno not in _NO_ROOM:
            raise
        kept = "; nothing half-written was kept" if error.errno in _NO_ROOM else ""
        print(f"error: {one_line(str(error.filename or 'output'))}: {error.strerror}{kept}", file=sys.stderr)
        return 1
    except MemoryError as error:
        print(f"error: memory is exhausted: {one_line(str(error)) or 'no details'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def add_job_arguments(parser, required: bool = True) -> None:
    """The options of every program that a parallel stage runs (contract: toolkit.io.jobs)."""
    parser.add_argument("--in_root", required=required, help="folder of the input sets, e.g. data")
    parser.add_argument("--out_root", required=required, help="folder of the output sets, e.g. dump/raw")
    parser.add_argument("--work", required=required, help="this job's part of the work list: lines '<set> <id>'")
    parser.add_argument("--job", type=positive_int, required=required, help="number of this job, from 1")


def add_network_choice(parser, required: bool = True) -> None:
    """The options that name a trained network."""
    parser.add_argument("--model", required=required, help="packed.zip, or the folder of an experiment")
    parser.add_argument("--weights", help="which weights of the folder; default: those that training leaves for use")
    add_device(parser)
    add_trust(parser)


def add_trust(parser) -> None:
    """The option of every program that builds a network from a config which may come from elsewhere."""
    what = "build the model's classes from outside the toolkit too; this runs code that the model names"
    parser.add_argument("--trust", action="store_true", help=what)


def add_summary_arguments(parser, breakdown: str) -> None:
    """The options of programs that summarise a set: its groups (``breakdown`` is their help text) and intervals."""
    parser.add_argument("--breakdown", nargs="*", default=[], help=breakdown)
    parser.add_argument(
        "--duration_edges", nargs="*", type=seconds, default=[], help="in seconds, rising; default: terciles"
    )
    parser.add_argument("--fs", type=rate, help="rate in Hz of utt2num_samples, where utt2dur is missing")
    add_bootstrap_arguments(parser, 0)


def add_bootstrap_arguments(parser, least: int) -> None:
    """The options of intervals, with at ``least`` this number of bootstrap samples."""
    none = "" if least else "; 0: none"
    parser.add_argument(
        "--resamples", type=whole_number(least, 10**6), default=1000, help=f"bootstrap samples for the intervals{none}"
    )
    parser.add_argument("--level", type=real_number(0, 1, inside=True), default=0.95, help="of the intervals")
    parser.add_argument("--seed", type=seed, default=0, help="of the bootstrap")


def check_summary_arguments(args) -> None:
    """Raise InputError where the edges of these options do not rise."""
    if any(a >= b for a, b in pairwise(args.duration_edges)):
        raise InputError(f"--duration_edges {args.duration_edges}: must rise")


def add_device(parser) -> None:
    """The option for the device of a network."""
    parser.add_argument("--device", type=device, default="cpu", help="cpu, cuda or cuda:<number>")


def device(word: str) -> str:
    """The ``type`` of --device."""
    if not re.fullmatch(r"cpu|cuda(:[0-9]{1,3})?", word):
        raise argparse.ArgumentTypeError(f"must be cpu, cuda or cuda:<number>, got {word!r}")
    return word


def add_signal_arguments(parser, several: Container[str] = (), **inputs: str) -> None:
    """The options of a program that makes signals from others: from files, or from data dirs as a job.

    Args:
        several: options that take several files.
        inputs: name of the option -> its help text; each is needed without a work list.
    """
    single = parser.add_argument_group("one file")
    for name, what in inputs.items():
        single.add_argument(f"--{name}", nargs="+" if name in several else None, help=what)
    single.add_argument("--output", help="file to write: .wav, .flac, ...")
    single.add_argument("--channel", type=channel, help="of several, from 0, or mean")
    add_job_arguments(parser.add_argument_group("data dirs"), required=False)


def is_job(args, *inputs: str) -> bool:
    """Are the inputs data dirs, not files? InputError where options of either are missing."""
    job = args.work is not None
    names = ("in_root", "out_root", "work", "job") if job else (*inputs, "output")
    if missing := [name for name in names if getattr(args, name) is None]:
        listed = f"{', '.join(f'--{name}' for name in names[:-1])} and --{names[-1]}"
        raise InputError(f"--{missing[0]} is missing: {listed} go together")
    return job
