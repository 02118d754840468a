"""What every command line shares: bad input ends in one clear line and exit code 1."""

import argparse
import errno
import logging
import os
import sys
from collections.abc import Callable
from itertools import pairwise

from toolkit.io.errors import InputError, nearest

# What the machine or the user's paths, not our code, are to blame for.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_PLACE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)


class _Help(argparse.RawDescriptionHelpFormatter):
    """The description as it is written; defaults behind options that have one to speak of."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text, default = action.help or "", action.default
        plain = (
            isinstance(default, (int, float, str)) and not isinstance(default, bool) and default != argparse.SUPPRESS
        )
        return f"{text} (%(default)s)".strip() if plain and default != "" and "default" not in text else text


class Parser(argparse.ArgumentParser):
    """A command line whose faults are one line that names the option, and the known one that is nearest (exit 2)."""

    def __init__(self, prog: str | None = None, **kwargs):
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        if prog is None and spec is not None and spec.name.startswith("toolkit."):
            prog = f"python -m {spec.name}"  # as it was called
        super().__init__(prog=prog, **{"formatter_class": _Help, **kwargs})

    def parse_known_args(self, args=None, namespace=None):
        """As in the base class, but an unknown option is said before one that is missing, which it may be."""
        for word in sys.argv[1:] if args is None else args:
            name = word.partition("=")[0]
            if word == "--":
                break
            if name.startswith("--") and " " not in name and not self._means(name):
                self.error(f"{name}: no such option{nearest(name, self._option_string_actions)}")
        return super().parse_known_args(args, namespace)

    def _means(self, name: str) -> bool:
        known = self._option_string_actions
        return name in known or (self.allow_abbrev and any(option.startswith(name) for option in known))

    def error(self, message: str):
        """Say it and end."""
        self.exit(
            2, f"error: {message.rstrip('?')}{'? See' if message.endswith('?') else '; see'} {self.prog} --help\n"
        )


def run(main: Callable[[list[str] | None], None], argv: list[str] | None = None) -> int:
    """Call ``main``; return the process's exit code.

    An InputError, a missing file, a full disk or a folder that cannot be written is said in one line on stderr (exit
    1); where nobody reads the output any more (``| head``), the program ends silently (141, as by the signal). A fault
    of ours keeps its traceback.
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
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (*_NO_ROOM, *_NO_RIGHT, *_NO_PLACE):
            raise
        kept = "; nothing half-written was kept" if error.errno in _NO_ROOM else ""
        print(f"error: {error.filename or 'output'}: {error.strerror}{kept}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


def add_job_arguments(parser, required: bool = True) -> None:
    """The options of every program that a parallel stage runs (toolkit.io.jobs has the contract)."""
    parser.add_argument("--in_root", required=required, help="folder of the input sets, e.g. data")
    parser.add_argument("--out_root", required=required, help="folder of the output sets, e.g. dump/raw")
    parser.add_argument("--work", required=required, help="this job's part of the work list: lines '<set> <id>'")
    parser.add_argument("--job", type=int, required=required, help="number of this job, from 1")


def add_network_choice(parser, weights: str) -> None:
    """The options that name a trained network."""
    parser.add_argument("--model", required=True, help="packed.zip, or the folder of an experiment")
    parser.add_argument("--weights", default=weights, help="which weights of the folder")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")


def add_measuring_arguments(parser, breakdown: str) -> None:
    """The options of programs that measure a set: its groups (``breakdown`` says which there are) and intervals."""
    parser.add_argument("--breakdown", nargs="*", default=[], help=breakdown)
    parser.add_argument("--duration_edges", nargs="*", type=float, default=[], help="in seconds; default: terciles")
    parser.add_argument("--fs", type=int, help="rate in Hz of utt2num_samples, where there is no utt2dur")
    parser.add_argument("--resamples", type=int, default=1000, help="draws of speakers for the intervals; 0: none")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals, in (0, 1)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")


def check_measuring(args) -> None:
    """Raise InputError where one of these options is out of its range."""
    if args.resamples < 0 or not 0 < args.level < 1:
        raise InputError(f"--resamples {args.resamples} must not be negative, --level {args.level} between 0 and 1")
    if any(a >= b for a, b in pairwise(args.duration_edges)) or min(args.duration_edges, default=1) <= 0:
        raise InputError(f"--duration_edges {args.duration_edges}: seconds above 0, rising, are wanted")


def check_or_train(parser, check: Callable, train: Callable, argv: list[str] | None) -> None:
    """What a training program does: train, or with --check only construct what the config says.

    Args:
        parser: of the config's keys.
        check: (parser, args) -> what is printed, the stream that training reads.
        train: (parser, args).
    """
    parser.add_argument("--check", action="store_true", help="check the config, print the stream it reads, and end")
    args = parser.parse(argv)
    if args.pop("check"):
        print(check(parser, args))
    else:
        train(parser, args)


def check_device(device: str) -> None:
    """Raise InputError when there is no such device."""
    if device != "cpu":
        import torch

        if not torch.cuda.is_available():
            raise InputError(
                f"--device {device}: no such device here; use --device cpu (of a recipe: --gpu_inference false)"
            )


def add_signal_arguments(parser, **inputs: str) -> None:
    """The options of a program that makes a signal of others: of files, or of data dirs as a job.

    Args:
        inputs: name of the option -> which file it is; each is needed where no work list is given.
    """
    one = parser.add_argument_group("one file")
    for name, what in inputs.items():
        one.add_argument(f"--{name}", help=what)
    one.add_argument("--output", help="file to write: .wav, .flac, ...")
    one.add_argument(
        "--channel", type=lambda word: int(word) if word.isdigit() else word, help="of several, from 0, or mean"
    )
    add_job_arguments(parser.add_argument_group("data dirs"), required=False)


def is_job(args, *inputs: str) -> bool:
    """Are data dirs asked for, not files? InputError where options of the one or the other are missing."""
    job = args.work is not None
    names = ("in_root", "out_root", "work", "job") if job else (*inputs, "output")
    if missing := [name for name in names if getattr(args, name) is None]:
        listed = f"{', '.join(f'--{name}' for name in names[:-1])} and --{names[-1]}"
        raise InputError(f"--{missing[0]} is missing: {listed} go together")
    return job
