"""What a recipe gives to its script: values as they are, and text for the terminal."""

import os
import subprocess
from pathlib import Path

import pytest

from toolkit.bin.recipe import main
from toolkit.recipes import Ee

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty recipe."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_shell_gets_values_as_they_are_and_runs_none(folder):
    """Blanks, quotes, line ends and commands in a value arrive; the exit code is that of the program."""
    value = "--x 'a  b'\n$(touch ran) `touch ran` \"c\" = \\"
    (folder / "options").write_text(value)
    script = f""". {ROOT}/egs/TEMPLATE/lib/run.sh
        task=sv python=python3
        arguments=(--train_set t --valid_sets v --test_sets "a b" --sv_config '' --floor_config ''
            --sv_args "$(cat options)" "$@")
        recipe options; read_variables; echo "${{test_sets}}|${{calibrate}}|${{nj}}"; printf %s "${{sv_args}}" >got"""

    def run(*words):
        command = ["bash", "-euc", script, "bash", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = run("--nj", "3")
    assert (done.returncode, done.stdout) == (0, "a b|true|3\n"), done.stderr
    assert (folder / "got").read_text() == value
    assert not (folder / "ran").exists()
    assert (run("--nj", "x").returncode, run("words").returncode) == (1, 1)


def test_help_is_text_for_the_terminal(capsys):
    main(["options", "ee", "--help"])
    assert capsys.readouterr().out == f"text={Ee.help()}\0"
