"""utils/slurm.pl over a fake Slurm: exit codes, lost jobs, signals and clean-up."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from test.utils.slurm import output
from test.utils.waiting import processes_in, wait_for

UTILS = Path(__file__).resolve().parents[2] / "utils"
TEMPLATE = Path(__file__).resolve().parents[2] / "egs/TEMPLATE"


# -- failures


def test_failing_job_is_reported_with_its_log(submit, tmp_path):
    assert submit("x.log", "sh", "-c", "exit 3", code=1).stderr == "slurm.pl: error: job failed, log is in x.log\n"
    assert re.search(r"# Finished at .* with status 3\n$", (tmp_path / "x.log").read_text())


def test_failing_jobs_are_counted_and_the_others_run(submit, tmp_path):
    done = submit("JOB=1:5", "log/x.JOB.log", "test", "JOB", "-gt", "2", code=1)
    assert done.stderr == "slurm.pl: error: 2 / 5 failed, log is in log/x.*.log\n"
    assert "with status 0" in (tmp_path / "log/x.5.log").read_text()


def test_a_pipe_fails_when_its_first_part_fails(submit):
    submit("x.log", "false", "|", "cat", code=1)


def test_a_killed_command_ends_the_task_with_100(submit, slurm, tmp_path):
    done = submit("x.log", "sh", "-c", "kill -9 $$", code=1)
    assert "with status 137" in (tmp_path / "x.log").read_text()
    assert (slurm.folder / "1/code").read_text() == "100"
    assert "slurm.pl: error: job failed, log is in x.log" in done.stderr


KILL_SCRIPT = "kill -9 -$(ps -o pgid= -p $$ | tr -d ' ')"  # the command and the script around it
STATES = [
    ("TIMEOUT", "TIMEOUT, its time limit ended it (--time)"),
    ("OUT_OF_MEMORY", "OUT_OF_MEMORY, it used more memory than it was given (--mem)"),
    ("NODE_FAIL", "NODE_FAIL, its node failed"),
    ("GONE", "GONE, Slurm knows it no more, and the log has no end"),
]


@pytest.mark.parametrize(("state", "message"), STATES)
def test_lost_jobs_fail_and_slurms_word_is_said(submit, tmp_path, state, message):
    command = ["sh", "-c", f"test JOB -eq 2 || {KILL_SCRIPT}"]
    done = submit("JOB=1:3", "x.JOB.log", *command, code=1, FAKE_KILLED=state)
    assert f"slurm.pl: Slurm's state of job 1,3: {message}\n" in done.stderr
    assert done.stderr.endswith("slurm.pl: error: 2 / 3 failed, log is in x.*.log\n")
    assert (tmp_path / "x.3.log").read_text().endswith(f"# Ended by Slurm: {state}\n")


def test_a_job_that_someone_cancels(slurm, tmp_path):
    environment = os.environ | slurm.environment | {"SLURM_PL_GRACE": "1"}  # for the log of a script that ends
    command = [UTILS / "slurm.pl", "-tc", "2", "JOB=1:4", "x.JOB.log", "sh", "-c", "touch on.JOB; sleep 60"]
    runner = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: (tmp_path / "on.1").exists() and (tmp_path / "on.2").exists())
    subprocess.run(["scancel", "1"], env=environment, check=True)
    message = runner.communicate(timeout=20)[1]
    assert runner.returncode == 1
    assert "state of job 1-4: CANCELLED, it was cancelled (scancel)" in message
    assert "with status 143" in (tmp_path / "x.1.log").read_text()
    assert (tmp_path / "x.4.log").read_text().endswith("# Ended by Slurm: CANCELLED\n")


@pytest.mark.parametrize("kill", ["kill $$", "kill -9 $$", "kill -9 $PPID $$"])
def test_what_slurm_starts_again_is_waited_for(submit, slurm, tmp_path, kill):
    (slurm.folder / "requeue").touch()
    submit("x.log", "sh", "-c", f"test -f on || {{ touch on; {kill}; }}; sleep 0.5; echo again")
    assert output(tmp_path / "x.log") == "again\n"


TRAINING = """
import pathlib, sys, time
from toolkit.train.interrupt import StopSignal

if pathlib.Path("saved").exists():
    sys.exit(print("continued"))
with StopSignal() as stop:
    pathlib.Path("on").touch()
    while not stop.received:
        time.sleep(0.02)
pathlib.Path("saved").touch()
stop.end()
"""


def warned(slurm, tmp_path, *command: str) -> int:
    """Exit code of slurm.pl, when Slurm warns the script of the job that its time will soon be over."""
    environment = os.environ | slurm.environment | {"PYTHONPATH": str(UTILS.parent)}
    runner = subprocess.Popen([UTILS / "slurm.pl", "x.log", *command], cwd=tmp_path, env=environment)
    wait_for((tmp_path / "on").exists)
    os.kill(int((slurm.folder / "1/pid").read_text()), signal.SIGUSR1)
    return runner.wait(timeout=20)


def test_a_training_is_queued_again_when_its_time_is_nearly_over(slurm, tmp_path):
    (tmp_path / "training.py").write_text(TRAINING)
    assert warned(slurm, tmp_path, sys.executable, "training.py") == 0
    assert output(tmp_path / "x.log") == "continued\n"
    assert (slurm.folder / "requeued").read_text() == "1\n"


def test_other_programs_go_on_when_their_time_is_nearly_over(slurm, tmp_path):
    assert warned(slurm, tmp_path, "sh", "-c", "touch on; sleep 0.5; echo done") == 0
    assert output(tmp_path / "x.log") == "done\n"
    assert not (slurm.folder / "requeued").exists()


def test_a_script_that_cannot_start_shows_slurms_log(submit, tmp_path):
    (tmp_path / "path.sh").write_text("echo the reason >&2; exit 5")
    message = submit("x.log", "true", code=1).stderr
    assert "q/x.log: the reason" in message
    assert "FAILED" in message


def test_a_log_that_the_command_prints_is_not_taken_for_its_own(submit, tmp_path):
    submit("old.log", "true")
    submit("new.log", "sh", "-c", "cat old.log; sleep 0.5; exit 3", code=1)


def test_an_old_log_is_not_taken_for_the_new_one(submit, slurm, tmp_path):
    submit("x.log", "true")
    for path in sorted(slurm.folder.iterdir()):  # the id is given a second time
        path.rename(path.with_name(f"old_{path.name}"))
    (slurm.folder / "hold").touch()
    environment = os.environ | slurm.environment
    runner = subprocess.Popen(
        [UTILS / "slurm.pl", "x.log", "false"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE
    )
    wait_for((slurm.folder / "job.1").exists)
    time.sleep(0.5)
    (slurm.folder / "hold").unlink()
    assert runner.wait(timeout=20) == 1


def test_slurm_may_be_out_of_reach_for_a_while(submit, slurm):
    (slurm.folder / "deaf").touch()
    message = submit("x.log", "sh", "-c", f"sleep 1; rm {slurm.folder}/deaf").stderr
    assert message.count("squeue failed, waiting on: slurm_load_jobs error: Unable to contact") == 1


def test_what_holds_jobs_is_said(slurm, tmp_path):
    (slurm.folder / "hold").touch()
    command = [UTILS / "slurm.pl", "x.log", "true"]
    environment = os.environ | slurm.environment
    runner = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    assert runner.stderr.readline() == "slurm.pl: the queue holds jobs back: JobHeldUser\n"
    (slurm.folder / "hold").unlink()
    assert runner.wait(timeout=20) == 0
    assert runner.stderr.read() == ""


@pytest.mark.parametrize("earlier", ["run.pl", "slurm.pl"])
def test_pick_by_earlier_logs(call, slurm, tmp_path, earlier):
    call(earlier, "JOB=1:2", "x.JOB.log", "test", "JOB", "-eq", "1", code=1, env=slurm.environment)
    (tmp_path / "x.3.log").write_text("# Queued at some time\n")
    for pick, ran, code in (("incomplete", {3}, 1), ("failed", {2}, 0), ("failed", set(), 0)):
        call(
            *("slurm.pl", "--pick", pick, "JOB=1:3", "x.JOB.log", "touch", "ran.JOB"),
            code=code,
            env=slurm.environment,
        )
        assert {int(path.suffix[1:]) for path in tmp_path.glob("ran.*")} == ran
        for path in tmp_path.glob("ran.*"):
            path.unlink()


# -- signals


def start_jobs(slurm, folder, number, handling, job):
    """Start slurm.pl with one signal handled as given, whatever the tests themselves inherited."""
    command = [UTILS / "slurm.pl", "--max-jobs-run", "2", "JOB=1:3", "x.JOB.log", "sh", "-c", job]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | slurm.environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(number, handling),
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupt_cancels_the_jobs(slurm, tmp_path, number):
    runner = start_jobs(slurm, tmp_path, number, signal.SIG_DFL, "echo $$ > tmp.JOB; mv tmp.JOB pid.JOB; sleep 60")
    wait_for(lambda: len(list(tmp_path.glob("pid.*"))) == 2)
    os.killpg(runner.pid, number)
    assert runner.wait(timeout=20) == -number
    assert runner.stderr.read() == "slurm.pl: interrupted, all jobs were cancelled\n"
    assert (slurm.folder / "cancelled").read_text() == "1\n"
    assert {(slurm.folder / f"1_{n}/state").read_text() for n in (1, 2, 3)} == {"CANCELLED"}
    wait_for(lambda: not any(Path(f"/proc/{p.read_text().strip()}").exists() for p in tmp_path.glob("pid.*")))


def test_ctrl_c_while_submitting_leaves_no_job_behind(slurm, tmp_path):
    """Ctrl-C reaches the whole foreground group; sbatch must not die of it, and its job must be cancelled."""
    (tmp_path / "conf").mkdir()
    slow = tmp_path / "slow"
    slow.write_text('#!/bin/sh\nsbatch "$@" >answer\ntouch submitted\nsleep 0.5\ncat answer\n')
    slow.chmod(0o755)
    (tmp_path / "conf/slurm.conf").write_text(f"command {slow}\n")
    runner = start_jobs(slurm, tmp_path, signal.SIGINT, signal.SIG_DFL, "sleep 60")
    wait_for(lambda: (tmp_path / "submitted").exists())
    os.killpg(runner.pid, signal.SIGINT)
    assert runner.wait(timeout=20) == -signal.SIGINT
    assert (slurm.folder / "cancelled").read_text() == "1\n"


def test_nohup_is_respected(slurm, tmp_path):
    runner = start_jobs(
        slurm, tmp_path, signal.SIGHUP, signal.SIG_IGN, "touch on.JOB; while [ ! -e go ]; do sleep 0.02; done"
    )
    wait_for(lambda: (tmp_path / "on.1").exists())
    runner.send_signal(signal.SIGHUP)
    (tmp_path / "go").touch()
    assert runner.wait(timeout=20) == 0


def test_jobs_are_cancelled_when_slurm_pl_is_killed(slurm, tmp_path):
    runner = start_jobs(slurm, tmp_path, signal.SIGTERM, signal.SIG_DFL, "touch on.JOB; sleep 60")
    wait_for(lambda: (tmp_path / "on.1").exists())
    runner.kill()
    runner.wait(timeout=20)
    wait_for(lambda: (slurm.folder / "cancelled").exists())
    assert (slurm.folder / "cancelled").read_text() == "1\n"
    wait_for(lambda: processes_in(tmp_path) == [])
