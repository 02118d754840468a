"""What every command line shares: bad input ends in one clear line and exit code 1."""

import argparse
import errno
import logging
import sys
from collections.abc import Callable

from toolkit.io.errors import InputError, nearest

# What the machine or the user's paths, not our code, are to blame for.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_PLACE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)


class Parser(argparse.ArgumentParser):
    """A command line whose faults are one line that names the option, and the known one that is nearest (exit 2)."""

    def __init__(self, prog: str | None = None, **kwargs):
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        if prog is None and spec is not None and spec.name.startswith("toolkit."):
            prog = f"python -m {spec.name}"  # as it was called
        super().__init__(prog=prog, **kwargs)

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
    1); a fault of ours keeps its traceback.
    """
    line, date = "%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=line, datefmt=date)
    try:
        main(argv)
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
