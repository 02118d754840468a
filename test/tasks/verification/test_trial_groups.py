import numpy as np
import pytest

from toolkit.io.datadir import DataDir, write_table
from toolkit.io.enrolment import write_enroll2utt
from toolkit.io.errors import InputError
from toolkit.tasks.verification.trial_groups import group_trials
from toolkit.tasks.verification.trial_scoring import load_trials

UTT2SPK = {"a0": "a", "a1": "a", "b0": "b", "b1": "b", "c0": "c"}
PAIRS = [("a0", "a1"), ("b0", "b1"), ("a0", "b0"), ("a1", "c0"), ("b1", "c0")]


@pytest.fixture
def data(tmp_path):
    label = {True: "target", False: "nontarget"}
    lines = [f"{a} {b} {label[UTT2SPK[a] == UTT2SPK[b]]}\n" for a, b in PAIRS]
    (tmp_path / "trials").write_text("".join(lines))
    write_table(tmp_path / "utt2spk", UTT2SPK)
    write_table(tmp_path / "spk2gender", {"a": "f", "b": "m", "c": "f"})
    write_table(tmp_path / "utt2dur", {"a0": 1.0, "a1": 3.0, "b0": 2.0, "b1": 8.0, "c0": 5.0})
    return tmp_path


def broken(data, fact, edges=(), fs=None, table=None):
    actual = load_trials(data / "trials", data / "utt2spk", table)
    one = group_trials(fact, DataDir(data), actual, edges, fs)
    pairs = list(actual.trials.pairs())
    groups = {label: [pairs[i] for i in np.flatnonzero(of)] for label, of in one.groups.items()}
    return groups, [pairs[i] for i in np.flatnonzero(one.left_out)]


@pytest.mark.parametrize("fact", ["gender", "spk2gender"])
def test_gender_of_both_sides(data, fact):
    groups, left_out = broken(data, fact)
    assert groups == {"f": [("a0", "a1"), ("a1", "c0")], "m": [("b0", "b1")]}
    assert left_out == [("a0", "b0"), ("b1", "c0")]


def test_duration_is_that_of_the_shorter_side(data):
    groups, left_out = broken(data, "duration", [2, 4])
    assert groups == {
        "< 2 s": [("a0", "a1"), ("a0", "b0")],
        "2 - 4 s": [("b0", "b1"), ("a1", "c0")],
        ">= 4 s": [("b1", "c0")],
    }
    assert left_out == []


def test_durations_from_sample_counts(data):
    seconds = {"a0": 1.0, "a1": 3.0, "b0": 2.0, "b1": 8.0, "c0": 5.0}
    expected = broken(data, "duration", [2, 4])
    (data / "utt2dur").unlink()
    write_table(data / "utt2num_samples", {utt: round(8000 * s) for utt, s in seconds.items()})
    assert broken(data, "duration", [2, 4], fs=8000) == expected
    with pytest.raises(InputError, match="utt2dur: table not found"):
        broken(data, "duration", [2, 4])


def test_terciles_share_the_trials_out(data):
    (data / "trials").write_text("".join(f"u{i} v{i} {'target' if i else 'nontarget'}\n" for i in range(9)))
    write_table(data / "utt2spk", {f"{side}{i}": f"{i}{side if i == 0 else ''}" for i in range(9) for side in "uv"})
    write_table(data / "utt2dur", {f"{side}{i}": i + 1 + 10 * (side == "v") for i in range(9) for side in "uv"})
    groups, _ = broken(data, "duration")
    assert [len(pairs) for pairs in groups.values()] == [3, 3, 3]
    assert groups["< 3.67 s"] == [("u0", "v0"), ("u1", "v1"), ("u2", "v2")]


def test_an_enrolment_model_lasts_as_long_as_its_utterances(data):
    (data / "trials").write_text("A b0 nontarget\nB b0 target\n")
    write_enroll2utt(data / "enroll2utt", {"A": ["a0", "a1"], "B": ["b1"]})
    write_table(data / "utt2dur", {"a0": 1.0, "a1": 3.0, "b0": 9.0, "b1": 2.0})
    groups, _ = broken(data, "duration", [3], table=data / "enroll2utt")
    assert groups == {"< 3 s": [("B", "b0")], ">= 3 s": [("A", "b0")]}


def test_a_model_whose_utterances_differ_is_left_out(data):
    (data / "trials").write_text("A b0 nontarget\nB b0 target\n")
    write_enroll2utt(data / "enroll2utt", {"A": ["a0", "a1"], "B": ["b1"]})
    write_table(data / "utt2lang", {"a0": "de", "a1": "en", "b0": "en", "b1": "en"})
    groups, left_out = broken(data, "utt2lang", table=data / "enroll2utt")
    assert groups == {"en": [("B", "b0")]}
    assert left_out == [("A", "b0")]


def test_many_numbers_are_grouped_by_their_terciles(data):
    utts = [f"u{i}" for i in range(12)]
    (data / "trials").write_text(
        "".join(f"{a} {b} nontarget\n" for a in utts for b in utts if a < b) + "u0 t0 target\n"
    )
    write_table(data / "utt2spk", {utt: utt for utt in utts} | {"t0": "u0"})
    write_table(data / "spk2age", {utt: 20 + i for i, utt in enumerate(utts)})
    groups, left_out = broken(data, "spk2age")
    assert list(groups) == ["< 23", "23 - 27", ">= 27"]  # of the 13 sides' ages 20 20 21 ... 31
    assert ("u0", "u1") in groups["< 23"]
    assert ("u0", "u11") in left_out
    assert sum(map(len, groups.values())) + len(left_out) == 67


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        ("utt2lang", "utt2lang: table not found; add it, or leave it out of --breakdown"),
        ("age", "--breakdown age: must be gender, duration, or a table"),
        ("utt2spk", "--breakdown utt2spk: must be"),
        ("spk2half", "spk2half: lacks b, c; add them"),
        ("duration", r"utt2dur: .*'long'"),
    ],
)
def test_tables_that_do_not_serve(data, fact, message):
    write_table(data / "spk2half", {"a": 1})
    write_table(data / "utt2dur", dict.fromkeys(UTT2SPK, "long"))
    with pytest.raises(InputError, match=message):
        broken(data, fact)
