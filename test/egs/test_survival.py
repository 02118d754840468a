"""kill -9 in every stage of the mini recipe and the same command again: the result of an undisturbed run."""

import os
import signal
import subprocess
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from .conftest import MINI, SMALL, outcome

STAGES = range(1, 11)
# Several processes make the corpus, so that there are some to kill.
COMMAND = ["./run.sh", *MINI, "--local_data_opts", f"{SMALL} --workers 2", "--skip_packing", "false"]


def start(folder: Path) -> subprocess.Popen:
    """The recipe in a session of its own, as a terminal has it."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(COMMAND, cwd=folder, env=environment, start_new_session=True, **pipe)


def seconds_of_stages(log: str) -> dict[int, float]:
    """Stage -> how long it took, by the times in a run's log."""
    marks = [line.split(maxsplit=3) for line in log.splitlines() if " stage " in line or line.endswith(" finished")]
    times = [datetime.fromisoformat(mark[0]) for mark in marks]
    seconds = [(end - begin).total_seconds() for begin, end in pairwise(times)]
    return {int(mark[2].rstrip(":")): s for mark, s in zip(marks, seconds, strict=False)}


def kill_session(leader: int) -> None:
    """SIGKILL to every process of a session."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[3]) == leader:
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:  # it has ended meanwhile
            continue


def run_and_kill(folder: Path, stage: int, delay: float, with_jobs: bool) -> None:
    """Start the recipe and kill it ``delay`` s into a stage: all of it, or its shells alone, whose jobs live on."""
    with start(folder) as job:
        assert any(f" stage {stage}:" in line for line in job.stdout), f"the run ended before stage {stage}"
        time.sleep(delay)
        if with_jobs:
            kill_session(job.pid)
        else:
            os.killpg(job.pid, signal.SIGKILL)
        job.stdout.close()


def test_kill_9_in_every_stage_and_the_same_command_again(tree, mini):
    calm, expected = mini
    seconds = seconds_of_stages((calm / "first.log").read_text())
    assert list(seconds) == list(STAGES)
    folder = tree.copy("mini/sv")
    for stage in STAGES:
        run_and_kill(folder, stage, max(0.6 * seconds[stage], 0.2), with_jobs=stage % 2 == 0)
    with start(folder) as last:
        message = last.stdout.read()
    assert last.returncode == 0, message[-3000:]
    actual = outcome(folder)
    assert len(expected) > 200
    assert [key for key in expected | actual if expected.get(key) != actual.get(key)] == []
