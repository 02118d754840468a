import math

import numpy as np
import pytest

from toolkit.io.datadir import DataDir, write_table
from toolkit.io.errors import InputError
from toolkit.io.rttm import Turn, carry_rttm, intervals, read_rttm, utterance_turns, write_rttm

LINE = "SPEAKER meeting 1 1.5 2 <NA> <NA> ann <NA> <NA>"


@pytest.fixture
def data(tmp_path):
    """Write a data dir; ``rttm`` are its lines."""

    def write(*rttm, utt2spk=None, **tables):
        (tmp_path / "rttm").write_text("".join(f"{line}\n" for line in rttm))
        for name, rows in {"utt2spk": utt2spk or {"meeting": "ann"}, **tables}.items():
            write_table(tmp_path / name, rows)
        return DataDir(tmp_path)

    return write


def test_lines_are_read(tmp_path):
    lines = [";; a comment", "", LINE, "SPEAKER\tcall 2 0 .25 <NA> <NA> böb", "NON-SPEECH hall 1 0 9 <NA> other <NA>"]
    (tmp_path / "rttm").write_bytes("\r\n".join(lines).encode())
    turns = read_rttm(tmp_path / "rttm")
    assert turns == {"meeting": [Turn(1.5, 2, "ann")], "call": [Turn(0, 0.25, "böb")], "hall": []}
    write_rttm(tmp_path / "again", turns)
    assert read_rttm(tmp_path / "again") == turns


BAD = {
    "SPEAKER meeting 1 1.5 2 <NA> <NA>": "no speaker",
    "SPEAKER meeting 1 1:30 2 <NA> <NA> ann": "minutes",
    "SPEAKER meeting 1 -1 2 <NA> <NA> ann": "below 0",
    "SPEAKER meeting 1 1 -2 <NA> <NA> ann": "below 0",
    "SPEAKER meeting 1 nan 2 <NA> <NA> ann": "no number",
    "SPEAKER meeting 1 0 inf <NA> <NA> ann": "endless",
    "SPEAKR meeting 1 0 2 <NA> <NA> ann": "mistyped",
    "meeting 0 2 ann": "of another format",
    "NON-SPEECH": "nothing else",
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_is_named(tmp_path, line):
    (tmp_path / "rttm").write_text(f"{LINE}\n{line}\n")
    with pytest.raises(InputError, match=r"rttm:2: must be 'SPEAKER <recording> 1 <onset> <duration> .*; got '"):
        read_rttm(tmp_path / "rttm")


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"SPEAKER \xff", ":1: .*not UTF-8"), (b"a\0b", ":1: ")]
)
def test_bad_files_are_named(tmp_path, content, message):
    (tmp_path / "rttm").write_bytes(content)
    with pytest.raises(InputError, match=f"rttm:? ?{message}"):
        read_rttm(tmp_path / "rttm")


def test_a_recording_without_lines_and_other_names_are_said(data):
    with pytest.raises(InputError, match="rttm: lacks turns of b; add them"):
        utterance_turns(data(LINE, utt2spk={"b": "ann", "meeting": "ann"}), ["b", "meeting"])
    with pytest.raises(InputError, match="none of the speakers of utt2spk; it has ann, utt2spk Ann"):
        utterance_turns(data(LINE, utt2spk={"meeting": "Ann"}), ["meeting"])
    with pytest.raises(InputError, match="utt2spk: lacks call;"):
        utterance_turns(data(LINE), ["meeting", "call"])


def test_turns_are_cut_to_segments(data, tmp_path):
    """Of turns 1 to 3 (ann) and 2.5 to 6 (bob); segments 0 to 2, 2 to 4, 6 to the end."""
    lines = ("SPEAKER m 1 1 2 <NA> <NA> ann", "SPEAKER m 1 2.5 3.5 <NA> <NA> bob")
    segments = {"ann-1": "m 0 2", "ann-2": "m 2 4", "bob-1": "m 6 -1"}
    set_of = data(*lines, utt2spk={"ann-1": "ann", "ann-2": "ann", "bob-1": "bob"}, segments=segments)
    turns = utterance_turns(set_of, list(segments))
    expected = {"ann-1": [Turn(1, 1, "ann")], "ann-2": [Turn(0, 1, "ann"), Turn(0.5, 1.5, "bob")], "bob-1": []}
    assert turns == expected
    (tmp_path / "out").mkdir()
    carry_rttm(set_of, tmp_path / "out", ["ann-2", "bob-1"], {})
    assert read_rttm(tmp_path / "out/rttm") == {utt: expected[utt] for utt in ("ann-2", "bob-1")}


def test_a_turn_after_the_end_is_said(data, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(
        InputError, match="rttm: meeting: a turn begins at 1.5 s, the recording lasts 1.2000 s; times must"
    ):
        carry_rttm(data(LINE), tmp_path / "out", ["meeting"], {"meeting": "1.2000"})
    carry_rttm(data(LINE), tmp_path / "out", ["meeting"], {"meeting": "1.6"})  # an end may be beyond, a little


def test_a_speaker_without_a_turn_is_warned_of(data, tmp_path, caplog):
    (tmp_path / "out").mkdir()
    set_of = data(LINE, utt2spk={"meeting": "ann"})
    carry_rttm(set_of, tmp_path / "out", ["meeting"], {})
    assert not caplog.records
    two = data(LINE, "SPEAKER call 1 0 1 <NA> <NA> rob", utt2spk={"meeting": "ann", "call": "bob"})
    carry_rttm(two, tmp_path / "out", ["call", "meeting"], {})
    assert "has no turn of bob" in caplog.text


def test_intervals_are_of_one_speaker():
    turns = [Turn(0, 1, "ann"), Turn(0.5, 1, "bob"), Turn(3, 0.5, "ann")]
    np.testing.assert_array_equal(intervals(turns, "ann"), [[0, 1], [3, 3.5]])
    assert intervals(turns, "eve").shape == (0, 2)
    assert math.isclose(np.diff(intervals(turns, "bob")).item(), 1)
