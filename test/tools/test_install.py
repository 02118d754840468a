"""tools/install.sh, with a Python that only notes what it is asked for: what is installed anew, and what is not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = '#!/bin/sh\necho "$@" >>"$(dirname "$0")/calls"\n'


@pytest.fixture
def install(tmp_path):
    """``install(extras)``: what uv was told to install, None where nothing was."""
    for name in ("tools/install.sh", "utils/parse_options.sh", "setup.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    python = tmp_path / "tools/venv/bin/python3"
    python.parent.mkdir(parents=True)
    for program in (python, python.with_name("cc")):
        program.write_text(PYTHON)
        program.chmod(0o755)
    environ = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"}

    def run(extras):
        calls = python.parent / "calls"
        calls.unlink(missing_ok=True)
        command = ["tools/install.sh", "--python", str(python), "--extras", extras]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env=environ)
        found = [line for line in calls.read_text().splitlines() if "--editable" in line]
        return found[0].split("--editable ")[1] if found else None

    return run


@pytest.mark.parametrize("again", ["se dev", "dev se", "dev,se", "dev", ""])
def test_the_order_of_the_extras_does_not_matter(install, again):
    assert install("se dev") == ".[dev,se]"
    assert install(again) is None


def test_what_was_asked_for_before_stays(install):
    assert install("") == "."
    assert install("se") == ".[se]"
    assert install("dev") == ".[dev,se]"
    assert install("se") is None
