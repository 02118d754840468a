"""Text, JSON and YAML files, and the shapes of their contents."""

import os

import pytest

from toolkit.io.errors import InputError
from toolkit.io.files import misfit, parse_json, parse_yaml, read_csv, read_json, read_text
from toolkit.io.text import read_lines
from toolkit.simulate.plan import read_plan

SHAPE = {"a": float, "b?": [int], "c?": {...: (str, None)}, "d?": (float, "mixed"), "e?": ({"x": int}, None)}
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "good",
    [{"a": 1}, {"a": -0.5, "b": [], "z": "unknown"}, {"a": 2, "b": [1], "c": {"k": None, "l": "m"}, "d": "mixed"},
     {"a": 1, "e": None, "d": 3}, {"a": 1, "e": {"x": 4}}],
)  # fmt: skip
def test_a_content_that_fits(good):
    assert misfit(good, SHAPE) == ""


@pytest.mark.parametrize(
    ("bad", "where"),
    [
        ([], "the content must be a mapping"),
        ({}, "a is missing"),
        ({"a": "1"}, "a must be a number"),
        ({"a": True}, "a must be a number"),
        ({"a": float("nan")}, "a must be a number"),
        ({"a": 10**400}, "a must be a number"),
        ({"a": 1, "b": 3}, "b must be a list"),
        ({"a": 1, "b": [1, 2.5]}, "b[1] must be a whole number"),
        ({"a": 1, "c": {"k": 3}}, "c.k must be text or null"),
        ({"a": 1, "d": "other"}, "d must be a number or mixed"),
        ({"a": 1, "e": {}}, "e.x is missing"),
        ({"a": 1, "e": 3}, "e must be a mapping or null"),
    ],
)
def test_what_does_not_fit_is_named(bad, where):
    assert misfit(bad, SHAPE).startswith(where)


@pytest.mark.parametrize(
    "text",
    ["", "- x", "a: [", "a: 1\na: 2", "a: &b [*b]", LAUGHS, "? [1]\n: 2", "a: !!timestamp 2001-99-99", "a: !!int ''",
     "a: " + "[" * 5000, "a: " + "9" * 5000, "a: !!python/name:os.system"],
)  # fmt: skip
def test_yaml_that_is_none(text):
    with pytest.raises(InputError, match=r"^x\.yaml: "):
        parse_yaml(text, "x.yaml")


def test_aliases_that_are_few_are_written_out():
    assert parse_yaml("a: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\n", "") == {
        "a": {"x": 1},
        "b": {"x": 1},
        "c": {"x": 1, "y": 2},
    }


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '{"a": ' + "[" * 100_000, '{"a": ' + "9" * 5000 + "}"])
def test_json_that_is_none(text):
    with pytest.raises(InputError, match=r"^x\.json: "):
        parse_json(text, "x.json")


@pytest.mark.parametrize("path", ["nowhere", "", "a\0b", "x" * 300, "/", "x\ud800"])
def test_paths_that_cannot_be_read(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        read_text(path)


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"a\.json: no such file; score it"):
        read_json(tmp_path / "a.json", "score it")


@pytest.mark.parametrize(
    "read", [read_text, read_json, lambda path: list(read_lines(path)), lambda path: list(read_plan(path))]
)
def test_a_fifo_is_refused_and_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError, match="fifo: is a FIFO"):
        read(tmp_path / "fifo")


MARK = "\ufeff"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    """Windows editors write one."""
    (tmp_path / "a").write_text(f'{MARK}{{"a": 1}}', encoding="utf-8")
    assert read_text(tmp_path / "a") == '{"a": 1}'
    assert read_json(tmp_path / "a") == {"a": 1}
    (tmp_path / "b").write_text(f"{MARK}id,path\r\nx,y\r\n", encoding="utf-8")
    assert list(read_csv(tmp_path / "b", ["id"], "")) == [(2, {"id": "x", "path": "y"})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n", "has no column id"),
        (b"", "has no column id"),
        (b"id,b\n1,2\n\n3\n", ":4: expected 2 fields"),
        (b"id,b\n1,2,3\n", ":2: expected 2 fields"),
        (b"id,b\n" + b"x" * 200_000 + b",1\n", ":2: is not a table"),
        (b"id,\xff\n", "cannot be read"),
    ],
)
def test_tables_that_are_refused(tmp_path, content, message):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        list(read_csv(tmp_path / "a", ["id"], "get it again"))
    assert "get it again" in str(error.value) or message == "cannot be read"
