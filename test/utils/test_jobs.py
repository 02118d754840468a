"""run_once.sh and launch.sh."""

import subprocess
from pathlib import Path

UTILS = Path(__file__).parents[2] / "utils"


def sh(script, *words):
    return subprocess.run([UTILS / script, *map(str, words)], capture_output=True, text=True)


def test_a_finished_command_is_not_run_again(tmp_path):
    append = ["sh", "-c", f"echo x >>{tmp_path}/out"]
    for _ in range(3):
        assert sh("run_once.sh", tmp_path / "done", *append).returncode == 0
    assert (tmp_path / "out").read_text() == "x\n"


def test_a_failed_command_leaves_no_mark(tmp_path):
    assert sh("run_once.sh", tmp_path / "done", "sh", "-c", "exit 3").returncode == 3
    assert not (tmp_path / "done").exists()


def test_usage():
    assert "Usage: run_once.sh" in sh("run_once.sh").stderr
    assert "Usage: launch.sh" in sh("launch.sh").stderr


def test_launching_on_cpu_hides_the_gpus():
    done = sh("launch.sh", "--ngpu", "0", "python3", "-c", "import os; print(repr(os.environ['CUDA_VISIBLE_DEVICES']))")
    assert done.stdout == "''\n"


def test_many_nodes_need_slurm():
    done = sh("launch.sh", "--ngpu", "1", "--num_nodes", "2", "python3", "-m", "json.tool")
    assert done.returncode == 1
    assert "needs a Slurm job" in done.stderr
