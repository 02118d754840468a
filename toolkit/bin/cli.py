"""What every command line shares: bad input ends in one clear line and exit code 1."""

import errno
import logging
import sys
from collections.abc import Callable

from toolkit.io.errors import InputError

# What the machine or the user's paths, not our code, are to blame for.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_RIGHT = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_PLACE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)


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


def add_job_arguments(parser) -> None:
    """The options of every program that a parallel stage runs (toolkit.io.jobs has the contract)."""
    parser.add_argument("--in_root", required=True, help="folder of the input sets, e.g. data")
    parser.add_argument("--out_root", required=True, help="folder of the output sets, e.g. dump/raw")
    parser.add_argument("--work", required=True, help="this job's part of the work list: lines '<set> <id>'")
    parser.add_argument("--job", type=int, required=True, help="number of this job, from 1")
