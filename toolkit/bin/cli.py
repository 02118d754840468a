"""What every command line shares: bad input ends in one clear line and exit code 1."""

import errno
import logging
import sys
from collections.abc import Callable

from toolkit.io.errors import InputError


def run(main: Callable[[list[str] | None], None], argv: list[str] | None = None) -> int:
    """Call ``main``; return the process's exit code.

    An InputError, a missing file or a full disk is said in one line on stderr (exit 1); a fault of ours keeps its
    traceback.
    """
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%dT%H:%M:%S"
    )
    try:
        main(argv)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except FileNotFoundError as error:
        print(f"error: {error.filename}: no such file", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES):
            raise
        print(f"error: {error.filename or 'output'}: {error.strerror}; nothing half-written was kept", file=sys.stderr)
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


def progress(total: int, what: str, unit: str = "utt"):
    """A bar with rate and time left; in a log file a line every 10 s instead of a flood."""
    from tqdm import tqdm

    if sys.stderr.isatty():
        return tqdm(total=total, desc=what, unit=unit)
    line = "{desc}: {n_fmt}/{total_fmt} {percentage:3.0f}%, {rate_fmt}, {remaining} left\n"
    return tqdm(total=total, desc=what, unit=unit, mininterval=10, bar_format=line)
