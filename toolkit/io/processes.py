"""Child processes that share nothing with this one but what they are given, and end with it."""

import multiprocessing
import multiprocessing.connection
import os
import threading
from concurrent.futures import ProcessPoolExecutor


def process_pool(workers: int, module: str) -> ProcessPoolExecutor:
    """A pool whose processes are not copies of this one: a copy made while another thread holds a lock waits for ever.

    However this process ends, its workers end with it; a forkserver ends with the last of them.

    Args:
        workers: how many processes.
        module: of the functions that they call; it is imported once for all of them.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return ProcessPoolExecutor(workers, context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this worker when the process that made the pool has ended: a killed process gives no notice."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # this runs in a worker

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
