"""Shared functions of audio banks: a worker pool, and atomic flac files and tables."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack

import numpy as np
import soundfile

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.files import read_text
from toolkit.io.processes import process_pool
from toolkit.io.progress import progress


def run_all(tasks: Sequence[tuple], workers: int, title: str) -> list:
    """Call every ``(function, *arguments)``, in ``workers`` processes, with a progress bar.

    Returns:
        The results in the order of ``tasks``.

    Raises:
        InputError: the operating system killed a worker.
    """
    results = []
    try:
        with progress(len(tasks), title, "task") as bar, ExitStack() as stack:
            run: Callable[..., Iterator] = map
            if min(workers, len(tasks)) > 1:
                run = stack.enter_context(process_pool(min(workers, len(tasks)), tasks[0][0].__module__)).map
            for result in run(_call, tasks):
                results.append(result)
                bar.update()
        return results
    except BrokenProcessPool:
        message = "a worker process was killed (out of memory?); run the same command again to continue"
        raise InputError(f"{title}: {message}") from None


def _call(task: tuple):
    function, *arguments = task
    return function(*arguments)


def write_flac(path, samples: np.ndarray, rate: int, bits: int = 16) -> None:
    """Write (T,) samples in [-1, 1); ``bits`` is 16 or 24."""
    encoded = io.BytesIO()  # in memory: libsndfile gives no reason if a file write fails
    soundfile.write(encoded, samples, rate, format="FLAC", subtype=f"PCM_{bits}")
    with replacing(path, "wb") as handle:
        handle.write(encoded.getvalue())


def write_tsv(path, rows: Sequence[dict]) -> None:
    """Write a table with a header line; the columns are the keys of the first row."""
    with replacing(path) as handle:
        writer = csv.DictWriter(handle, list(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_tsv(path, *columns: str) -> list[dict[str, str]]:
    """Read a table with a header line.

    Raises:
        InputError: the file is missing or cannot be read, lacks one of ``columns``, or a line has another number of
            fields than the header.
    """
    text = read_text(path, "run toolkit.bin.make_minicorpus")
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter="\t")
        rows = list(reader)
    except csv.Error as error:
        raise InputError(f"{path}: is not a tab-separated table ({error}); make the corpus again") from None
    if missing := [column for column in columns if column not in (reader.fieldnames or [])]:
        raise InputError(f"{path}: has no column {missing[0]}; make the corpus again")
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise InputError(f"{path}:{number}: expected {len(row)} fields, as in the header; make the corpus again")
    return rows
