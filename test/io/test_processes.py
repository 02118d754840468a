"""Processes that do not wait for what this one held when they began."""

import subprocess
import sys

from helpers import in_children

from test.utils.waiting import processes_in, wait_for
from toolkit.io.processes import process_pool


def test_a_lock_that_is_held_here_is_free_there():
    with in_children.LOCK, process_pool(1, "helpers.in_children") as pool:
        assert pool.submit(in_children.is_free).result()


def test_workers_end_with_a_process_that_is_killed(tmp_path):
    code = "import os, time; from toolkit.io.processes import process_pool; pool = process_pool(2, 'time')"
    code += "; pool.submit(os.getpid).result(); pool.submit(time.sleep, 99); print(flush=True); os.kill(os.getpid(), 9)"
    killed = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE)
    assert killed.wait() == -9
    wait_for(lambda: processes_in(tmp_path) == [])
