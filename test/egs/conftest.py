"""Recipes outside the checkout: a tree with the same folders, whose outputs stay in a temporary folder."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Tree:
    """``<tmp>/egs/...`` over links to this checkout's TEMPLATE and utils."""

    def __init__(self, path: Path):
        self.path = path
        (path / "egs").mkdir()
        (path / "egs/TEMPLATE").symlink_to(ROOT / "egs/TEMPLATE")
        (path / "utils").symlink_to(ROOT / "utils")

    def copy(self, recipe: str) -> Path:
        """Copy a recipe's own files (not what it made); returns its folder."""
        made = shutil.ignore_patterns("data", "dump", "exp", "downloads", "RESULTS.md")
        dataset = recipe.split("/")[0]
        shutil.copytree(
            ROOT / "egs" / dataset, self.path / "egs" / dataset, symlinks=True, ignore=made, dirs_exist_ok=True
        )
        return self.path / "egs" / recipe

    def run(self, folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
        """Run a command in a recipe's folder."""
        variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        return subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """An empty tree."""
    return Tree(tmp_path_factory.mktemp("tree"))
