"""run.pl ends with its jobs, however it is ended."""

import signal
import subprocess
from pathlib import Path

import pytest

from test.utils.waiting import processes_in, wait_for

RUN = Path(__file__).resolve().parents[2] / "utils/run.pl"


def is_running(pid):
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def start_jobs(folder, number, handling, job):
    """Start run.pl with one signal handled as given, whatever the tests themselves inherited."""
    command = [RUN, "--max-jobs-run", "2", "JOB=1:3", "x.JOB.log", "sh", "-c", job]
    return subprocess.Popen(
        command, cwd=folder, stderr=subprocess.DEVNULL, preexec_fn=lambda: signal.signal(number, handling)
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt_ends_jobs_and_all_they_started(tmp_path, number):
    job = "trap 'touch tidied.JOB; exit 1' TERM; sleep 60 & echo $! > tmp.JOB; mv tmp.JOB pid.JOB; wait"
    runner = start_jobs(tmp_path, number, signal.SIG_DFL, job)
    wait_for(lambda: len(list(tmp_path.glob("pid.*"))) == 2)
    runner.send_signal(number)
    assert runner.wait(timeout=20) == -number
    wait_for(lambda: not any(is_running(int(path.read_text())) for path in tmp_path.glob("pid.*")))
    assert {path.name for path in tmp_path.glob("tidied.*")} == {"tidied.1", "tidied.2"}
    assert not (tmp_path / "x.3.log").exists()


def test_jobs_end_with_a_run_pl_that_is_killed(tmp_path):
    job = "trap '' HUP; sleep 60 & echo $! > tmp.JOB; mv tmp.JOB pid.JOB; wait"
    runner = start_jobs(tmp_path, signal.SIGTERM, signal.SIG_DFL, job)
    wait_for(lambda: len(list(tmp_path.glob("pid.*"))) == 2)
    runner.kill()
    runner.wait(timeout=20)
    wait_for(lambda: processes_in(tmp_path) == [])
    assert not (tmp_path / "x.3.log").exists()


def test_interrupt_ends_jobs_that_resist(tmp_path):
    job = "trap '' TERM; echo $$ > tmp.JOB; mv tmp.JOB pid.JOB; while :; do sleep 1; done"
    runner = start_jobs(tmp_path, signal.SIGTERM, signal.SIG_DFL, job)
    wait_for(lambda: len(list(tmp_path.glob("pid.*"))) == 2)
    runner.terminate()
    assert runner.wait(timeout=20) == -signal.SIGTERM
    wait_for(lambda: not any(is_running(int(path.read_text())) for path in tmp_path.glob("pid.*")))


def test_nohup_is_respected(tmp_path):
    job = "touch on.JOB; while [ ! -e go ]; do sleep 0.02; done"
    runner = start_jobs(tmp_path, signal.SIGHUP, signal.SIG_IGN, job)
    wait_for(lambda: (tmp_path / "on.1").exists())
    runner.send_signal(signal.SIGHUP)
    (tmp_path / "go").touch()
    assert runner.wait(timeout=20) == 0
