"""Two runs at once, and a run that is killed: locks of outputs, and what ends with a run."""

import os
import signal
import subprocess
import sys

import pytest

from test.utils.waiting import processes_in, wait_for

TASK = """\
set -euo pipefail
. ../../TEMPLATE/lib/run.sh
start_run "$@"
command_line="$0 $*"
stages=$(seq -s ' ' "$1" 6) wait=$2 dry_run=false dumpdir=dump
start_guard
hold_outputs exp/sv_x
echo begun
if [ $# -gt 2 ]; then utils/run.pl exp/x.log bash -c "$3"; fi
"""


@pytest.fixture
def folder(tree):
    """A recipe whose task is one job."""
    folder = tree.path / "egs/mini/sv"
    if not folder.exists():
        tree.copy("mini/sv")
        (folder / "task.sh").write_text(TASK)
    return folder


@pytest.fixture
def start(folder):
    """Start the task; returns it once it holds its locks."""
    started = []

    def call(*words: str) -> subprocess.Popen:
        started.append(subprocess.Popen(["bash", "task.sh", *words], cwd=folder, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "begun\n"
        return started[-1]

    yield call
    for one in started:
        one.kill()
        one.communicate()


def test_the_second_run_says_which_is_at_work(tree, folder, start):
    first = start("6", "false", "sleep 50")
    second = tree.run(folder, "bash", "task.sh", "6", "false")
    assert second.returncode == 1
    assert f"process {first.pid} on {os.uname().nodename}, since 20" in second.stderr
    assert "task.sh 6 false sleep 50" in second.stderr
    assert len(second.stderr.splitlines()[-1]) < 200
    assert first.poll() is None


def test_who_makes_data_is_alone_who_reads_them_is_not(tree, folder, start):
    start("6", "false", "sleep 50")
    (folder / "task.sh").write_text(TASK.replace("sv_x", "sv_y"))
    assert tree.run(folder, "bash", "task.sh", "6", "false").returncode == 0
    assert "dump/.lock: another run is at work there" in tree.run(folder, "bash", "task.sh", "3", "false").stderr
    (folder / "task.sh").write_text(TASK)


def test_a_run_that_waits_goes_on_after_the_other(tree, folder, start):
    start("6", "false", "sleep 1")
    done = tree.run(folder, "bash", "task.sh", "6", "true")
    assert done.returncode == 0, done.stderr
    assert "waiting: " in done.stdout


def test_ctrl_c_in_training_says_that_the_same_command_goes_on(folder):
    (folder / "engine.sh").write_text("echo begun\nsleep 50\n")
    (folder / "c.yaml").touch()
    words = ["--cmd", "bash engine.sh", "--python", sys.executable, "sv", "c.yaml", "data/a", "exp/sv_i", "data/b"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    run = subprocess.Popen(["steps/train.sh", *words], cwd=folder, **pipes)
    assert run.stdout.readline() == "begun\n"
    os.killpg(run.pid, signal.SIGINT)
    assert "exp/sv_i: " in run.communicate(timeout=10)[1]
    assert run.returncode == -signal.SIGINT


def test_all_that_a_run_has_started_ends_with_it(tree, folder, start):
    first = start("6", "false", "setsid sleep 50 & sleep 50")
    wait_for(lambda: (folder / "exp/x.log").exists() and len(processes_in(folder)) > 5)
    os.kill(first.pid, signal.SIGKILL)
    wait_for(lambda: processes_in(folder) == [])
    assert tree.run(folder, "bash", "task.sh", "6", "false").returncode == 0


def test_the_same_command_waits_for_what_a_killed_run_has_left(tree, folder, start):
    first = start("6", "false", "trap '' TERM; touch exp/begun; sleep 50; sleep 50")
    wait_for((folder / "exp/begun").exists)
    os.kill(first.pid, signal.SIGKILL)
    done = tree.run(folder, "bash", "task.sh", "6", "false")
    assert (done.returncode, done.stderr) == (0, "")
    assert "sleep 50" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()


def test_a_lock_file_that_another_machine_left_locks_nothing(tree, folder):
    wait_for(lambda: processes_in(folder) == [])  # of the runs before, which hold it until they have ended
    (folder / "exp").mkdir(exist_ok=True)
    (folder / "exp/.sv_x.lock").write_text("1 elsewhere 2026-01-01T00:00:00 ./sv.sh\n")
    assert tree.run(folder, "bash", "task.sh", "6", "false").returncode == 0
