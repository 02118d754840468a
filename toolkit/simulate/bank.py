"""What the makers of audio banks share: a worker pool, and flac files and tables that are whole or absent."""

import csv
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from toolkit.io.atomic import replacing, replacing_path
from toolkit.io.errors import InputError


def run_all(tasks: Sequence[tuple], workers: int, title: str) -> list:
    """Call every ``(function, *arguments)``, in ``workers`` processes, with a progress bar.

    Returns:
        The results in the order of ``tasks``.

    Raises:
        InputError: the operating system killed a worker.
    """
    progress = {"total": len(tasks), "desc": title, "mininterval": 1.0}
    if workers <= 1:
        return list(tqdm(map(_call, tasks), **progress))
    try:
        with ProcessPoolExecutor(min(workers, len(tasks))) as pool:
            return list(tqdm(pool.map(_call, tasks), **progress))
    except BrokenProcessPool:
        message = "a worker process was killed (out of memory?); run the same command again, what is finished is kept"
        raise InputError(f"{title}: {message}") from None


def _call(task: tuple):
    function, *arguments = task
    return function(*arguments)


def write_flac(path, samples: np.ndarray, rate: int, bits: int = 16) -> None:
    """Write (T,) samples in [-1, 1); ``bits`` is 16 or 24."""
    with replacing_path(path) as aside:
        soundfile.write(aside, samples, rate, subtype=f"PCM_{bits}")


def write_tsv(path, rows: Sequence[dict]) -> None:
    """Write a table with a header line; the columns are the keys of the first row."""
    with replacing(path) as handle:
        writer = csv.DictWriter(handle, list(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_tsv(path) -> list[dict[str, str]]:
    """Read a table with a header line.

    Raises:
        InputError: the file is missing, or a line has another number of fields than the header.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle, delimiter="\t"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; toolkit.bin.make_minicorpus writes it") from None
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise InputError(f"{path}:{number}: has not the {len(row)} fields of the header line; make the corpus anew")
    return rows
