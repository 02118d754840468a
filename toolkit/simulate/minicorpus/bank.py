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
from toolkit.io.files import read_csv
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
    """Read a table with a header line; errors as of toolkit.io.files.read_csv."""
    remedy = "make the corpus again (toolkit.bin.make_minicorpus)"
    return [row for _, row in read_csv(path, columns, remedy, "\t")]
