"""Signatures change with what a stage reads, and with nothing else."""

import os

import pytest

from toolkit.io.errors import InputError
from toolkit.io.signatures import signature


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A mixture set, the set that it draws on, two configs."""
    monkeypatch.chdir(tmp_path)
    for folder in ("set", "source", "room"):
        (tmp_path / folder).mkdir()
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    (tmp_path / "set/wav.scp").write_text("a x.wav\nb gone.wav\nc cat y |\n")
    (tmp_path / "set/spk1.scp").write_text("a y.ark:17\n")
    (tmp_path / "y.ark").write_bytes(b"1234")
    (tmp_path / "set/mix_conf.yaml").write_text("data: [source]\nrooms: 'room'\n")
    (tmp_path / "source/.done.format").write_text("one")
    (tmp_path / "room/utt2spk").write_text("r r\n")
    (tmp_path / "base.yaml").write_text("a: 1\nb: 2\n")
    return tmp_path


def of(*files: str) -> str:
    return signature("set", "command", [*files])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("set/utt2spk", "a a\n"),
        ("x.wav", "RIFFRIFF"),
        ("y.ark", "12345"),
        ("y", "in a command"),
        ("set/wav.scp", "a x.wav\nb gone.wav\nc cat z |\n"),
        ("source/.done.format", "two"),
        ("room/utt2spk", "r s\n"),
    ],
)
def test_what_a_stage_reads_counts(data, name, text):
    before = of()
    (data / name).write_text(text)
    assert of() != before


def test_logs_and_what_killed_writers_left_do_not_count(data):
    before = of()
    (data / "set/stage.log").write_text("x")
    (data / "set/.wav.1.tmp.scp").write_text("x")
    assert of() == before


def test_the_time_of_audio_counts(data):
    before = of()
    os.utime(data / "x.wav", (1, 1))
    assert of() != before
    assert signature("set", "other command", []) != of()


BASES = [
    "base: base.yaml",
    'base: "base.yaml"',
    "base: 'base.yaml' # those",
    "{base: base.yaml}",
    "1: x\nbase: base.yaml",
    '"\\x62ase": base.yaml',
]


@pytest.mark.parametrize("base", BASES)
def test_a_config_counts_with_its_base(data, base):
    (data / "top.yaml").write_text(f"{base}\n")
    before = of("top.yaml")
    (data / "base.yaml").write_text("a: 1\nb: 3\n")
    assert of("top.yaml") != before
    (data / "base.yaml").write_text("b: 2\na: 1 # as before\n")
    assert of("top.yaml") == before


@pytest.mark.parametrize("text", ["data: [", "data: \x00"])
def test_a_broken_conf_is_named(data, text):
    (data / "set/mix_conf.yaml").write_text(text)
    with pytest.raises(InputError, match=r"set/mix_conf\.yaml"):
        of()


def test_a_file_that_is_gone_is_named(data):
    with pytest.raises(InputError, match=r"gone\.yaml: cannot be read"):
        of("gone.yaml")
