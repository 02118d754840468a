"""Child processes that share nothing with this one but what they are given."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor


def process_pool(workers: int, module: str) -> ProcessPoolExecutor:
    """A pool whose processes are not copies of this one: a copy made while another thread holds a lock waits for ever.

    Args:
        workers: how many processes.
        module: of the functions that they call; it is imported once for all of them.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    return ProcessPoolExecutor(workers, context)
