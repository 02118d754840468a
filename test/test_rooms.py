"""The floors of the package: arrows point downward, rooms are not too large, names of files are told apart."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "toolkit"
FLOORS = (
    {"io"},
    {"simulate", "metrics", "nn"},
    {"report", "features", "recipes"},
    {"data", "models"},
    {"train", "losses"},
    {"systems"},
    {"tasks"},
    {"bin", "cli", "testing"},
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


FILES = sorted(
    path for path in ROOT.rglob("*.py") if len(path.relative_to(ROOT).parts) > 1 and room_of(path) != "_voxsift"
)
NUMERIC = ("torch", "torchaudio", "accelerate")
# Contracts of a kind of model, system or task; registries; a paper's model with its loss.
STEMS = {"__init__", "base", "registry", "paranoise"}
# Programs may be named after the module that they call, checks after what they check.
TOP = ("bin", "cli", "testing")


def imports_of(path: Path) -> set[str]:
    """All that a file imports, at its top or in functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


IMPORTS = {path: imports_of(path) for path in FILES}


def rooms_used(path: Path) -> set[str]:
    return {name.split(".")[1] for name in IMPORTS[path] if name.startswith("toolkit.")} & LEVEL.keys()


def test_every_room_has_a_floor():
    assert {room_of(path) for path in FILES} <= LEVEL.keys()


@pytest.mark.parametrize("room", sorted({room_of(path) for path in FILES}))
def test_no_arrow_points_up(room):
    for path in (path for path in FILES if room_of(path) == room):
        assert not {used for used in rooms_used(path) if LEVEL[used] > LEVEL[room]}, path


def test_rooms_of_a_floor_are_in_no_circle():
    used = defaultdict(set)
    for path in FILES:
        used[room_of(path)] |= rooms_used(path) - {room_of(path)}
    for floor in FLOORS:
        left = {room: used[room] & floor for room in floor}
        while free := {room for room, others in left.items() if not others & left.keys()}:
            left = {room: others for room, others in left.items() if room not in free}
        assert not left


@pytest.mark.parametrize("room", ["io", "simulate"])
def test_rooms_of_data_import_no_torch(room):
    for path in (path for path in FILES if room_of(path) == room):
        assert not {name for name in IMPORTS[path] if name.split(".")[0] in NUMERIC}, path


def test_no_room_is_above_a_fifth():
    lines = defaultdict(int)
    for path in FILES:
        lines[room_of(path)] += len(path.read_text(encoding="utf-8").splitlines())
    assert {room: count for room, count in lines.items() if count > sum(lines.values()) / 5} == {}


def test_a_stem_is_of_one_file():
    places = defaultdict(list)
    for path in FILES:
        if room_of(path) not in TOP:
            places[path.stem].append(path)
    assert {stem: actual for stem, actual in places.items() if len(actual) > 1 and stem not in STEMS} == {}
