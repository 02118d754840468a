"""Shared parts of all command lines. Bad input ends in one clear line and exit code 1."""

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

# Errors of the machine. Other errors that name a file come from the user's input.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_MOST = 10**9  # largest count


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of the description; adds to each option its range, and its default unless empty."""

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
    """A command line whose errors are InputErrors that name the option and the nearest known one."""

    def __init__(self, prog: str | None = None, **kwargs):
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        if prog is None and spec is not None and spec.name.startswith("toolkit."):
            prog = f"python -m {spec.name}"  # as the user called it
        super().__init__(prog=prog, **{"formatter_class": _Help, **kwargs})

    def parse_known_args(self, args=None, namespace=None):
        """As in the base class, but unknown options are reported before missing ones, which may be misspelt."""
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
        """Raise InputError with the message."""
        if message.endswith("required: INPUT"):
            message += " (after an option of several values, put -- before INPUT)"
        raise InputError(f"{message.rstrip('?')}{'? See' if message.endswith('?') else '; see'} {self.prog} --help")


class Number(NamedTuple):
    """The ``type`` of an option that is a number in a range; ``inside``: the ends are excluded."""

    kind: type[int] | type[float]
    least: float
    most: float
    inside: bool = False

    @property
    def range(self) -> str:
        """The range in words, ``from 0 to 1``; whole numbers with all their digits."""
        least, most = (end if self.kind is int else f"{end:g}" for end in (self.least, self.most))
        return f"above {least} and below {most}" if self.inside else f"from {least} to {most}"

    def __call__(self, word: str) -> float:
        """Parse a word."""
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
    """The ``type`` of an option that is a number in a range; ``inside``: the ends are excluded."""
    return cast(Callable[[str], float], Number(float, least, most, inside))


positive_int, seed, share = whole_number(1), whole_number(0, 2**32 - 1), real_number(0, 1)
rate = whole_number(100, 1_000_000)  # Hz
seconds = real_number(0, 1e9, inside=True)


def channel(word: str) -> int | str:
    """The ``type`` of --channel: a number from 0, or ``mean``."""
    if word == "mean" or (word.isascii() and word.isdecimal() and len(word) < 5):
        return word if word == "mean" else int(word)
    raise argparse.ArgumentTypeError(f"must be a channel from 0, or mean, got {word!r}")


def run(main: Callable[[list[str] | None], None], argv: list[str] | None = None, remedy: str = "") -> int:
    """Call ``main``; return the process's exit code. ``remedy`` is the end of messages of bad input: what to do.

    InputErrors, errors that name a file, a full disk and exhausted memory give one line on stderr (exit 1). If the
    reader of the output has ended (``| head``), the program ends silently (141, as by SIGPIPE). Bugs keep their
    traceback.
    """
    line, date = "%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=line, datefmt=date)
    try:
        main(argv)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for the flush at exit
        return 141
    except InputError as error:
        print(f"error: {one_line('; '.join(filter(None, (str(error), remedy))))}", file=sys.stderr)
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
    """Add the options of every program that a parallel stage runs (contract: toolkit.io.jobs)."""
    parser.add_argument("--in_root", required=required, help="folder of the input sets, e.g. data")
    parser.add_argument("--out_root", required=required, help="folder of the output sets, e.g. dump/raw")
    parser.add_argument("--work", required=required, help="this job's part of the work list: lines '<set> <id>'")
    parser.add_argument("--job", type=positive_int, required=required, help="number of this job, from 1")


def add_network_choice(parser, required: bool = True) -> None:
    """Add the options that name a trained network."""
    parser.add_argument("--model", required=required, help="packed.zip, or the folder of an experiment")
    parser.add_argument("--weights", help="weights file of the experiment; default: the one that training selects")
    add_device(parser)
    add_trust(parser)


def add_trust(parser) -> None:
    """Add the option of every program that may build a network from a config of another author."""
    what = "also build classes from outside the toolkit; this runs code that the model names"
    parser.add_argument("--trust", action="store_true", help=what)


def add_summary_arguments(parser, breakdown: str) -> None:
    """Add the options of programs that summarise a set: groups (``breakdown`` is the help text) and intervals."""
    parser.add_argument("--breakdown", nargs="*", default=[], help=breakdown)
    parser.add_argument(
        "--duration_edges", nargs="*", type=seconds, default=[], help="in seconds, increasing; default: terciles"
    )
    parser.add_argument("--fs", type=rate, help="rate in Hz of utt2num_samples, if utt2dur is missing")
    add_bootstrap_arguments(parser, 0)


def add_bootstrap_arguments(parser, least: int) -> None:
    """Add the options of intervals; ``least``: the smallest number of bootstrap samples."""
    none = "" if least else "; 0: none"
    parser.add_argument(
        "--resamples", type=whole_number(least, 10**6), default=1000, help=f"bootstrap samples for the intervals{none}"
    )
    parser.add_argument(
        "--level", type=real_number(0, 1, inside=True), default=0.95, help="confidence level of the intervals"
    )
    parser.add_argument("--seed", type=seed, default=0, help="seed of the bootstrap")


def add_hypothesis_arguments(parser) -> None:
    """Add the options of programs that compare recognised tables of sets with references."""
    parser.add_argument("--in_root", required=True, help="folder of the sets with the hypotheses")
    parser.add_argument("--ref_root", required=True, help="folder of the sets with the references, e.g. dump/raw")
    parser.add_argument("--sets", nargs="+", required=True)
    parser.add_argument("--out_root", required=True, help="folder of the results")
    add_bootstrap_arguments(parser, 0)


def check_summary_arguments(args) -> None:
    """Raise InputError if the edges of duration groups do not increase."""
    if any(a >= b for a, b in pairwise(args.duration_edges)):
        raise InputError(f"--duration_edges {args.duration_edges}: must increase")


def add_device(parser) -> None:
    """Add the option for the device of a network."""
    parser.add_argument("--device", type=device, default="cpu", help="cpu, cuda or cuda:<number>")


def device(word: str) -> str:
    """The ``type`` of --device."""
    if not re.fullmatch(r"cpu|cuda(:[0-9]{1,3})?", word):
        raise argparse.ArgumentTypeError(f"must be cpu, cuda or cuda:<number>, got {word!r}")
    return word


def add_signal_arguments(parser, several: Container[str] = (), **inputs: str) -> None:
    """Add the options of a program that makes signals from other signals: one file, or data dirs as a job.

    Args:
        several: names of the options that take several files.
        inputs: option name -> help text; all are required without a work list.
    """
    single = parser.add_argument_group("one file")
    for name, what in inputs.items():
        single.add_argument(f"--{name}", nargs="+" if name in several else None, help=what)
    single.add_argument("--output", help="file to write: .wav, .flac, ...")
    single.add_argument("--channel", type=channel, help="channel of multichannel audio, from 0, or mean")
    add_job_arguments(parser.add_argument_group("data dirs"), required=False)


def add_table_arguments(parser) -> None:
    """Add the options of a program that prints the label of one file, or writes those of data dirs as a job."""
    single = parser.add_argument_group("one file")
    single.add_argument("--input", help="recording")
    single.add_argument("--channel", type=channel, help="of several, from 0, or mean")
    add_job_arguments(parser.add_argument_group("data dirs"), required=False)


def add_search_arguments(parser) -> None:
    """Add the options by which a recogniser searches for words."""
    methods, default = ("joint", "ctc_beam", "ctc_greedy"), "default: joint; of a model without a decoder ctc_greedy"
    parser.add_argument("--method", choices=methods, help=default)
    parser.add_argument("--beam", type=positive_int, default=10, help="prefixes that are kept")
    parser.add_argument("--ctc_weight", type=share, default=0.3, help="of joint decoding, from 0 to 1")


def is_job(args, *inputs: str) -> bool:
    """Whether the inputs are data dirs, not files. Raises InputError if options of either are missing."""
    job = args.work is not None
    names = ("in_root", "out_root", "work", "job") if job else (*inputs, "output")
    if missing := [name for name in names if getattr(args, name) is None]:
        listed = f"{', '.join(f'--{name}' for name in names[:-1])} and --{names[-1]}"
        raise InputError(f"--{missing[0]} is missing: give {listed} together")
    return job
