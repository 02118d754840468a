"""Runs of recipes that are killed in a stage, and how long their stages last."""

import os
import signal
import subprocess
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path


def start(folder: Path, words: list[str]) -> subprocess.Popen:
    """Start a recipe as a terminal does: in a session."""
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(["./run.sh", *words], cwd=folder, env=environment, start_new_session=True, **pipe)


def seconds_of_stages(log: str) -> dict[int, float]:
    """Stage -> how long it took, by the times in a run's log."""
    marks = [line.split(maxsplit=3) for line in log.splitlines() if " stage " in line or line.endswith(" finished")]
    times = [datetime.fromisoformat(mark[0]) for mark in marks]
    seconds = [(end - begin).total_seconds() for begin, end in pairwise(times)]
    return {int(mark[2].rstrip(":")): s for mark, s in zip(marks, seconds, strict=False) if mark[1] == "stage"}


def kill_in(run: subprocess.Popen, stage: int, delay: float, with_jobs: bool) -> bool:
    """Kill a run ``delay`` s into a stage: all of it, or its shells alone. False: it ended before."""
    with run as job:
        reached = any(f" stage {stage}:" in line for line in job.stdout)
        time.sleep(delay if reached else 0)
        alive = job.poll() is None
        if with_jobs:
            _kill_session(job.pid)
        elif alive:
            os.killpg(job.pid, signal.SIGKILL)
        job.stdout.close()
    return reached and alive


def _kill_session(leader: int) -> None:
    """SIGKILL to every process of a session."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[3]) == leader:
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:  # it has ended meanwhile
            continue
