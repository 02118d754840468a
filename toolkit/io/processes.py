"""Pools of worker processes that are not forked from this process and end with it."""

import multiprocessing
import multiprocessing.connection
import os
import threading
from concurrent.futures import ProcessPoolExecutor


def process_pool(workers: int, module: str) -> ProcessPoolExecutor:
    """A pool of processes that are not forks: a fork made while another thread holds a lock can wait forever.

    The workers end with this process, however it ends; a forkserver ends with the last worker.

    Args:
        workers: number of processes.
        module: module of the called functions; imported once for all workers.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return ProcessPoolExecutor(workers, context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this worker when the process that made the pool has ended, also by a kill."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # this runs in a worker

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
