"""Recipes outside the checkout: a tree with the same folders, whose outputs stay in a temporary folder."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers.libri2mix_corpora import folders, load_program, write_corpora
from helpers.once import once

ROOT = Path(__file__).parents[2]


class Tree:
    """``<tmp>/egs/...`` over links to TEMPLATE, conf and utils of this checkout; ``python``: its recipes' python3."""

    def __init__(self, path: Path, python: Path | None = None):
        self.path, self.python = path, python
        (path / "egs").mkdir()
        for shared in ("TEMPLATE", "conf"):
            (path / "egs" / shared).symlink_to(ROOT / "egs" / shared)
        (path / "utils").symlink_to(ROOT / "utils")

    def copy(self, recipe: str) -> Path:
        """Copy a recipe's own files (not what it made); returns its folder."""
        made = shutil.ignore_patterns("data", "dump", "exp", "downloads", "RESULTS.md")
        dataset = recipe.split("/")[0]
        shutil.copytree(
            ROOT / "egs" / dataset, self.path / "egs" / dataset, symlinks=True, ignore=made, dirs_exist_ok=True
        )
        return self.use_python(self.path / "egs" / recipe)

    def adopt(self, folder: Path) -> Path:
        """Copy a recipe with all that it has made, at its place in another tree."""
        recipe = "/".join(folder.parts[-2:])
        return shutil.copytree(folder, self.path / "egs" / recipe, symlinks=True)

    def setup(self, recipe: str) -> Path:
        """Make a recipe by setup.sh."""
        done = self.run(self.path, "egs/TEMPLATE/setup.sh", f"egs/{recipe}")
        assert done.returncode == 0, done.stderr
        return self.use_python(self.path / "egs" / recipe)

    def use_python(self, folder: Path) -> Path:
        """Let a recipe find our python3 before others."""
        if self.python is not None:
            (folder / "local").mkdir(exist_ok=True)
            (folder / "local/path.sh").write_text(f"export PATH={self.python.parent}:$PATH\n")
        return folder

    def run(self, folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
        """Run a command in a recipe's folder."""
        variables = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        return subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True)


@pytest.fixture(scope="module")
def tree(tmp_path_factory, python):
    """An empty tree."""
    return Tree(tmp_path_factory.mktemp("tree"), python)


SMALL = "--train_speakers 8 --dev_speakers 3 --test_speakers 4 --babble_speakers 6 --utterances 4"
SMALL += " --noises 1 --pieces 1 --rooms 1 --workers 1"
MINI = ["--local_data_opts", SMALL, "--snrs", "0 20", "--sv_args", "--trainer.epochs 1", "--resamples", "50"]


def outcome(folder: Path) -> dict[str, str]:
    """Hash of every ark and table of dump/, of embeddings, scores and models, and the tables of the page."""
    files = [*folder.glob("dump/*/*/*"), *folder.glob("dump/*/*/data/*"), *folder.glob("exp/*/embeddings/*/data/*")]
    files += [*folder.glob("exp/*/scores/*/scores.txt"), *folder.glob("exp/*/valid.*.pth")]
    files = [path for path in files if path.is_file() and "logs" not in path.parts and not path.match(".done.*")]
    hashes = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    page = (folder / "exp/RESULTS.md").read_text().splitlines()
    return hashes | {
        f"RESULTS.md:{n}": line for n, line in enumerate(page) if line.startswith("|") and "config.yaml" not in line
    }


@pytest.fixture(scope="session")
def mini(tmp_path_factory, python):
    """Folder of the mini recipe after one whole run at a tiny size, and what came out of it. To be copied (adopt)."""

    def make(root: Path) -> None:
        tree = Tree(root, python)
        folder = tree.copy("mini/sv")
        done = tree.run(folder, "./run.sh", *MINI, "--skip_packing", "false")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        folder.joinpath("first.log").write_text(done.stdout)
        (root / "outcome.json").write_text(json.dumps(outcome(folder)))

    root = once(tmp_path_factory, "mini", make)
    return root / "egs/mini/sv", json.loads((root / "outcome.json").read_text())


@pytest.fixture(scope="session")
def libri2mix_corpora(tmp_path_factory):
    """Everything under the names of db.sh."""
    return write_corpora(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="session")
def libri2mix_program():
    """egs/libri2mix/prepare_data.py."""
    return load_program()


@pytest.fixture
def prepare_libri2mix(libri2mix_program, libri2mix_corpora, monkeypatch):
    """Call it for a folder of sets."""

    def call(root, words: str = "", corpora=libri2mix_corpora, partial="--partial"):
        for variable, folder in folders(corpora).items():
            monkeypatch.setenv(variable, folder)
        libri2mix_program.main(f"{partial} --outdir {root}/data --dumpdir {root}/dump --workers 1 {words}".split())

    return call


@pytest.fixture
def spoiled_libri2mix(libri2mix_corpora, tmp_path):
    """A copy of the corpora that a test may spoil."""
    return shutil.copytree(libri2mix_corpora, tmp_path / "corpora")
