"""The command voxsift, and the package of that name."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import toolkit
from toolkit.cli.main import main, verbs
from toolkit.systems.base import System

ROOT = Path(__file__).parents[2]
OLD = ROOT / "test/fixtures/v0.1"


def python(*words, path=(ROOT,)) -> subprocess.CompletedProcess:
    """Another Python, in no folder of ours and with nothing but ``path`` before its libraries."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd="/", env=environ)


HEAVY = "import sys; print([m for m in ('torch', 'numpy', 'jsonargparse', 'yaml') if m in sys.modules])"


@pytest.mark.parametrize(
    "code",
    [
        "import toolkit; toolkit.__version__; dir(toolkit)",
        "import toolkit.cli.main as m; m.get_parser().format_help()",
    ],
)
def test_nothing_heavy_is_imported(code):
    assert python("-c", f"{code}\n{HEAVY}").stdout == "[]\n"


def test_help_is_quick():
    code = "import time, toolkit.cli.main as m\ntry: m.main(['--help'])\nfinally: print(time.process_time())"
    seconds = float(python("-c", code).stdout.split()[-1])
    assert seconds < 0.3


def test_a_verb_is_a_file(capsys):
    files = {path.stem for path in (ROOT / "toolkit/cli").glob("*.py")}
    assert set(verbs()) == files - {"__init__", "__main__", "main"}
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert all(f"  {verb} " in capsys.readouterr().out for verb in ["info"])


@pytest.mark.parametrize("name", ["sv_ecapa", "se_convtasnet.zip", "tse_sefpnet"])
def test_info_fits_a_screen_and_is_what_the_system_says(name, capsys):
    assert main(["info", str(OLD / name)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 100
    assert main(["info", str(OLD / name), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads(json.dumps(System.load(OLD / name).info()))
    assert {"task", "class", "fs", "parameters", "macs", "training", "calibration"} <= result.keys()


@pytest.mark.parametrize("words", [["info", "nowhere"], ["info", str(ROOT / "setup.py")]])
def test_what_is_no_system(words, capsys):
    assert main(words) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_it_runs_as_a_module():
    assert python("-m", "toolkit.cli", "--version").stdout == f"voxsift {toolkit.__version__}\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """What ``pip install`` would copy to site-packages."""
    folder = tmp_path_factory.mktemp("built")
    words = ["setup.py", "-q", "egg_info", "-e", str(folder), "build_py", "-d", str(folder / "lib")]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "lib"


def test_voxsift_is_the_same_door(built):
    code = "import voxsift, toolkit; from voxsift import Verifier, Enhancer; assert Verifier is toolkit.Verifier"
    done = python("-c", f"{code}; print(toolkit.__file__, voxsift.__version__, voxsift.__all__)", path=[built])
    assert done.stdout == f"{built}/toolkit/__init__.py {toolkit.__version__} {toolkit.__all__}\n", done.stderr
    assert python("-m", "voxsift", "--version", path=[built]).stdout == f"voxsift {toolkit.__version__}\n"
    assert not (built / "toolkit/_voxsift").exists()


@pytest.mark.parametrize("content", ["", "import not_installed_here", "raise SystemError", "_DISTRIBUTION = 'x'", None])
def test_another_toolkit_is_named(built, tmp_path, content):
    other = tmp_path / "toolkit"
    other.mkdir()
    if content is not None:  # else a folder without __init__.py
        (other / "__init__.py").write_text(content)
    code = f"import sys; sys.path[:0] = [{str(built)!r}]; import voxsift" if content is None else "import voxsift"
    done = python("-c", code, path=[tmp_path, built])
    last = done.stderr.strip().splitlines()[-1] if done.stderr else ""
    if content is None:  # a regular package wins wherever it is
        assert done.returncode == 0
    else:
        assert last.startswith("ImportError: voxsift: another package named toolkit")
        assert str(other) in last
