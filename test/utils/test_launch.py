"""Several nodes: utils/launch.sh over fake programs, and what recipes have of Slurm."""

import os
import subprocess
from pathlib import Path

import pytest

UTILS = Path(__file__).resolve().parents[2] / "utils"
TEMPLATE = Path(__file__).resolve().parents[2] / "egs/TEMPLATE"


# -- launch.sh


def launch(tmp_path, srun, *words, **environment):
    """launch.sh inside a job of nodes a and b, with a given srun."""
    programs = {
        "srun": srun,
        "scontrol": 'case "$*" in *hostnames*) echo a; echo b;; *) echo "X=1 NodeAddr=10.0.0.7 Y=2";; esac',
    }
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_NODELIST": "a,b", "SLURM_JOB_ID": "40007"}
    command = [UTILS / "launch.sh", *words, "python3", "-m", "this"]
    return subprocess.run(command, env=os.environ | variables | environment, capture_output=True, text=True)


def test_torchrun_starts_on_every_node(tmp_path):
    srun = 'if [[ "$*" == *SLURMD_NODENAME* ]]; then echo a; echo b; else echo "$*"; fi'
    done = launch(tmp_path, srun, "--ngpu", "4", "--num_nodes", "2", SLURM_CPUS_PER_TASK="8")
    assert done.returncode == 0, done.stderr
    for part in ("--nodes 2", "--cpus-per-task 8", "--nnodes 2 --nproc_per_node 4", "10.0.0.7:20007", "--world_size 8"):
        assert part in done.stdout


def test_nodes_that_do_not_answer_are_said(tmp_path):
    done = launch(tmp_path, "echo b", "--ngpu", "4", "--num_nodes", "2")
    assert done.returncode == 1
    assert "--num_nodes 2: of a,b only these nodes answered: b" in done.stderr


def test_missing_processes_are_said(tmp_path):
    done = launch(tmp_path, "", "--world_size", "8", WORLD_SIZE="4", RANK="0")
    assert done.returncode == 1
    assert "4 processes take part" in done.stderr
    assert "Zen" in launch(tmp_path, "", "--world_size", "8", WORLD_SIZE="8", RANK="0").stdout


@pytest.fixture
def recipe(tmp_path, python):
    """A new recipe, in a tree of its own, whose python3 starts fast."""
    (tmp_path / "egs").mkdir()
    (tmp_path / "egs/TEMPLATE").symlink_to(TEMPLATE)
    (tmp_path / "utils").symlink_to(UTILS)
    subprocess.run(["egs/TEMPLATE/setup.sh", "egs/mine/sv"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "egs/mine/sv/local/path.sh").write_text(f"export PATH={python.parent}:$PATH\n")
    return tmp_path / "egs/mine/sv"


def test_a_new_recipe_has_a_link_to_the_shared_config_or_keeps_its_own(recipe):
    config = recipe / "conf/slurm.conf"
    assert config.resolve() == TEMPLATE / "conf/slurm.conf"
    config.unlink()
    config.write_text("mine")
    subprocess.run(["egs/TEMPLATE/setup.sh", "egs/mine/sv"], cwd=recipe.parents[2], check=True, capture_output=True)
    assert config.read_text() == "mine"


@pytest.mark.parametrize(
    ("backend", "code", "message"), [("local", 1, "run.pl knows this machine only"), ("slurm", 0, "")]
)
def test_several_nodes_need_a_scheduler(recipe, backend, code, message):
    command = ["./run.sh", "--num_nodes", "2", "--dry_run", "true"]
    done = subprocess.run(
        command, cwd=recipe, env=os.environ | {"cmd_backend": backend}, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert message in done.stderr


@pytest.mark.parametrize(
    ("backend", "code", "message"), [("slurm", 0, "utils/slurm.pl --num-threads 6"), ("sge", 1, "local or slurm")]
)
def test_cmd_sh_chooses_the_backend(backend, code, message):
    command = ["bash", "-c", f"ngpu=2 cmd_backend={backend}; . {TEMPLATE}/cmd.sh && echo $cuda_cmd"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code
    assert message in done.stdout + done.stderr
