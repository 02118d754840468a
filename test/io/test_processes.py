"""Processes that do not wait for what this one held when they began."""

import in_children

from toolkit.io.processes import process_pool


def test_a_lock_that_is_held_here_is_free_there():
    with in_children.LOCK, process_pool(1, "in_children") as pool:
        assert pool.submit(in_children.is_free).result()
