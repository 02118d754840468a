"""CONTRIBUTING.md: each diff is applied to a copy of the tree, and the commands under it do what the page promises."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[1]
SECTIONS = dict(re.findall(r"^## (Add .+?)\n(.*?)(?=^## |\Z)", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S))
BLOCK = re.compile(r"^```(diff|bash)\n(.*?)^```", re.M | re.S)


@pytest.fixture
def tree(tmp_path):
    """A copy of what a checkout holds, and recordings to prepare."""
    for name in ("toolkit", "egs", "utils", "test", "pyproject.toml"):
        ignored = shutil.ignore_patterns("__pycache__", "data", "dump", "exp", "downloads")
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        options = {"symlinks": True, "ignore": ignored} if (ROOT / name).is_dir() and name != "toolkit" else {}
        copy(ROOT / name, tmp_path / name, **options)
    (tmp_path / "digits").mkdir()
    for speaker in range(8):
        for digit in range(2):
            sound = 0.1 * np.random.default_rng(speaker).standard_normal(8000)
            soundfile.write(tmp_path / f"digits/{digit}_s{speaker}_0.wav", sound, 16000)
    return tmp_path


def run(command: str, tree: Path, python: Path = Path(sys.executable), **options) -> None:
    """Run it in the tree, with that Python."""
    path = f"{python.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "PYTHONPATH": str(tree), "GIT_CEILING_DIRECTORIES": str(tree.parent)}
    command = command.replace("CORPORA=/my", f"CORPORA={tree}")
    done = subprocess.run(["bash", "-ec", command], cwd=tree, env=environ, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_diff_applies_and_its_commands_succeed(section, tree, python):
    blocks = BLOCK.findall(SECTIONS[section])
    assert [kind for kind, _ in blocks].count("diff") == 1
    for kind, text in blocks:
        if kind == "diff":
            run("git apply -", tree, input=text)
        else:
            run(text, tree, python)


def test_every_diff_is_clean(tree):
    """Code that the page shows passes the lint that it asks for."""
    for section in SECTIONS.values():
        for kind, text in BLOCK.findall(section):
            if kind == "diff":
                run("git apply -", tree, input=text)
            elif "setup.sh" in text:
                run(text, tree)
    run("ruff check . && ruff format --check .", tree)
