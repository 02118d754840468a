"""Properties of all source files that the section Security of utils/README.md promises."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sorted((ROOT / "toolkit").rglob("*.py"))
SHELL = sorted(
    (*(ROOT / "utils").rglob("*.sh"), *(ROOT / "egs/TEMPLATE").rglob("*.sh"), *(ROOT / "tools").glob("*.sh"))
)
OWN_FILE = "toolkit/metrics/cost/complexity.py"  # a child process reads what its parent has written


def calls(path: Path):
    """The calls in a file: dotted name of the function, and its keywords."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def every_call():
    return [(name_of(path), *call) for path in PYTHON for call in calls(path)]


def test_torch_reads_weights_only(every_call):
    loads = [(file, words) for file, name, words in every_call if name == "torch.load"]
    assert len(loads) > 2
    assert {file for file, words in loads if words.get("weights_only") != "True"} == {OWN_FILE}


def test_nothing_is_unpickled_or_unpacked_whole(every_call):
    refused = re.compile(
        r"(c?pickle|dill|joblib|marshal)\.loads?|.*\.extractall|kaldiio\.load_\w+|(yaml\.)?unsafe_load"
    )
    assert [(file, name) for file, name, _ in every_call if refused.fullmatch(name)] == []
    assert [file for file, name, words in every_call if words.get("allow_pickle") == "True"] == []


def test_only_the_reader_of_audio_runs_a_shell(every_call):
    assert [(file, name) for file, name, words in every_call if words.get("shell") == "True"] == []
    assert [(file, name) for file, name, _ in every_call if name in ("os.system", "os.popen", "tempfile.mktemp")] == []


def test_no_predictable_name_in_a_shared_folder(every_call):
    assert [file for file, name, _ in every_call if name == "os.getpid"] == []
    named = re.compile(r"""["' =](/var)?/tmp/[\w$]""")
    assert [name_of(path) for path in (*SHELL, *PYTHON) if named.search(path.read_text())] == []
