"""Config files: a file on its base, one mapping on another, files that are no config."""

from functools import partial
from pathlib import Path

import pytest
from helpers.text_files import write_text

from toolkit.io.config import changed_keys, load_config, merge
from toolkit.io.errors import InputError


@pytest.fixture
def write(tmp_path):
    return partial(write_text, tmp_path)


def test_a_config_is_laid_on_its_base(write):
    write("base.yaml", "a: 1\nb: {c: 2, d: [3]}\n")
    assert load_config(write("x.yaml", "base: base.yaml\nb: {d: [4, 5], e: 6}\n")) == {
        "a": 1,
        "b": {"c": 2, "d": [4, 5], "e": 6},
    }


def test_bases_are_found_beside_the_file_that_names_them(write):
    write("conf/root.yaml", "a: root\nb: root\nc: root\n")
    write("conf/middle.yaml", "base: root.yaml\nb: middle\nc: middle\n")
    path = write("ablations/top.yaml", "base: ../conf/middle.yaml\nc: top\n")
    assert load_config(path) == {"a": "root", "b": "middle", "c": "top"}


def test_a_link_to_a_config_is_laid_on_what_lies_beside_the_link(write):
    write("conf/base.yaml", "a: shared\n")
    shared = write("conf/x.yaml", "base: base.yaml\nb: 1\n")
    link = Path(write("recipe/base.yaml", "a: own\n")).with_name("x.yaml")
    link.symlink_to(shared)
    assert load_config(link) == {"a": "own", "b": 1}


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({"class_path": "B"}, {"class_path": "B"}),
        ({"class_path": "B", "init_args": {"y": 1}}, {"class_path": "B", "init_args": {"y": 1}}),
        ({"class_path": "A", "init_args": {"y": 1}}, {"class_path": "A", "init_args": {"x": 1, "y": 1}}),
        ({"init_args": {"x": 2}}, {"class_path": "A", "init_args": {"x": 2}}),
        ("B", "B"),
        (None, None),
    ],
)
def test_another_class_begins_with_fresh_arguments(over, expected):
    base = {"net": {"class_path": "A", "init_args": {"x": 1}}}
    assert merge(base, {"net": over}) == {"net": expected}
    assert base == {"net": {"class_path": "A", "init_args": {"x": 1}}}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("base: a.yaml\n", "a.yaml: base: "),
        ("base: b.yaml\n", "a.yaml: base: "),
        ("base: [b.yaml, c.yaml]\n", "a.yaml: base: must be one file"),
        ("base: nowhere.yaml\n", "nowhere.yaml: no such file"),
        ("x: [1\n", "a.yaml: is not valid YAML: .*line 2"),
        ("- x\n", "a.yaml: must be a mapping"),
        ("a: {x: 1,\n  x: 2}\n", "a.yaml: is not valid YAML: duplicate key x .*line 2"),
        ("a: 1\nb: 2\na: 3\n", "a.yaml: is not valid YAML: duplicate key a .*line 3"),
        ("", "a.yaml: must be a mapping"),
    ],
)
def test_configs_that_are_none(write, text, complaint):
    write("b.yaml", "base: a.yaml\n")
    with pytest.raises(InputError, match=complaint):
        load_config(write("a.yaml", text))


def test_a_config_that_is_no_text(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(InputError, match=r"a.yaml: cannot be read: .*utf-8"):
        load_config(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("new", "free", "changed"),
    [
        ("a: 1\nb: {c: 2}\n", (), []),
        ("b: {c: 3}\na: 1\n", (), ["b.c 2 -> 3"]),
        ("b: {c: 3}\na: 1\n", ("b",), []),
        ("a: 1\nd: 4\n", (), ["b.c 2 -> (not set)", "d (not set) -> 4"]),
        ("a: 1.0\nb: {c: 2}\n", (), []),
    ],
)
def test_changed_keys(new, free, changed):
    assert changed_keys("a: 1\nb: {c: 2}\n", new, free) == changed
