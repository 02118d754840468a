"""tools/install.sh, with a Python that only notes what it is asked for: what is installed anew, and what is not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PYTHON = """#!/bin/sh
echo "$@" >>"$(dirname "$0")/calls"
case "$*" in *importlib.metadata*) cat "$(dirname "$0")/torch" 2>/dev/null ;; esac
true
"""
PAIRS = [line for line in (ROOT / "tools/torch_pairs.txt").read_text().splitlines() if line[0].isdigit()]


@pytest.fixture
def install(tmp_path):
    """``install(extras, ...)``: what uv was told to install, None where nothing was; ``torch`` is the pair there."""
    for name in ("tools/install.sh", "tools/torch_pairs.txt", "utils/parse_options.sh", "setup.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    python = tmp_path / "tools/venv/bin/python3"
    python.parent.mkdir(parents=True)
    for program in (python, python.with_name("cc")):
        program.write_text(PYTHON)
        program.chmod(0o755)
    environ = {**os.environ, "PATH": f"{python.parent}:{os.environ['PATH']}"}

    def run(extras="", *options, torch="", whole=False):
        calls = python.parent / "calls"
        calls.unlink(missing_ok=True)
        python.with_name("torch").write_text(torch)
        command = ["tools/install.sh", "--python", str(python), "--extras", extras, *options]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, env=environ)
        actual = [line for line in calls.read_text().splitlines() if "--editable" in line]
        if not actual or whole:
            return actual and actual[0]
        return actual[0].split("--editable ")[1]

    return run


@pytest.mark.parametrize("again", ["se dev", "dev se", "dev,se", "dev", ""])
def test_the_order_of_the_extras_does_not_matter(install, again):
    assert install("se dev") == ".[dev,se]"
    assert not install(again)


def test_of_resemblyzer_the_package_alone_is_installed(install, tmp_path):
    assert install("pretrained") == ".[pretrained]"
    calls = (tmp_path / "tools/venv/bin/calls").read_text().splitlines()
    assert [line.split()[-2:] for line in calls if "Resemblyzer" in line] == [["--no-deps", "Resemblyzer==0.1.4"]]


def test_what_was_asked_for_before_stays(install):
    assert install("") == "."
    assert install("se") == ".[se]"
    assert install("dev") == ".[dev,se]"
    assert not install("se")


@pytest.mark.parametrize(
    ("options", "there", "expected"),
    [
        ([], "", PAIRS[0]),
        (["--torch", "oldest"], "", PAIRS[-1]),
        (["--torch", PAIRS[-1].split()[0]], "", PAIRS[-1]),
        ([], PAIRS[-1], PAIRS[-1]),
        (["--torch", "newest"], PAIRS[-1], PAIRS[0]),
        ([], "1.0.0 1.0.0", PAIRS[0]),
        (["--into_active", "true"], PAIRS[-1], PAIRS[-1]),
    ],
)
def test_a_tested_pair_is_installed_and_one_that_is_there_stays(install, options, there, expected):
    torch, audio = expected.split()
    assert f"torch=={torch} torchaudio=={audio} --editable" in install("", *options, torch=there, whole=True)


@pytest.mark.parametrize("options", [["--torch", "1.0.0"], ["--torch", "2"], ["--into_active", "true"]])
def test_a_pair_that_is_not_tested_is_refused(install, options):
    with pytest.raises(subprocess.CalledProcessError):
        install("", *options, torch="1.0.0 1.0.0")


def test_the_ranges_of_setup_py_hold_every_tested_pair(tmp_path):
    command = ["python", "setup.py", "-q", "egg_info", "--egg-base", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    requires = {
        r.name: r.specifier
        for r in map(Requirement, (tmp_path / "voxsift.egg-info/requires.txt").read_text().split("\n\n")[0].split())
    }
    for pair in PAIRS:
        assert all(
            version in requires[name] for name, version in zip(("torch", "torchaudio"), pair.split(), strict=True)
        )
