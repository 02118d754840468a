"""The condition of a set: what the planner writes, and what the tables of a set of others give."""

import pytest

from toolkit.io.conditions import NAME, read_condition, write_conditions
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError


def data_dir(path, **tables):
    write_table(path / "utt2spk", {"a-1": "a", "a-2": "a"})
    for name, values in tables.items():
        write_table(path / name, dict(zip(("a-1", "a-2"), values, strict=True)))
    return path


@pytest.mark.parametrize(
    ("noises", "snrs", "expected"),
    [
        (("rain", "rain"), ("5", "5.0"), {"noise": "rain", "snr": 5}),
        (("rain", "wind"), ("5", "2.5"), {"noise": "mixed", "snr": "mixed"}),
        (("clean", "clean"), ("inf", "inf"), {"noise": "clean", "snr": None}),
    ],
)
def test_what_is_written_is_read(tmp_path, noises, snrs, expected):
    path = data_dir(tmp_path / "anything", utt2noise=noises, utt2snr=snrs)
    assert read_condition(path) == expected
    write_conditions(path, "test")
    assert read_condition(path) == expected | {"test_set": "test"}
    (path / "utt2noise").unlink()  # the table counts
    assert read_condition(path) == expected | {"test_set": "test"}


def test_clean_speech():
    assert read_condition(None) == {"noise": "clean", "snr": None}


@pytest.mark.parametrize(
    "text", ["", "test\train\t5\n", "test_set\tnoise\tsnr\ntest\train\n", "test_set\tnoise\tsnr\ntest\train\tloud\n"]
)
def test_malformed_tables(tmp_path, text):
    path = data_dir(tmp_path / "x")
    (path / NAME).write_text(text)
    with pytest.raises(InputError, match=NAME):
        read_condition(path)
