import numpy as np
import pytest

from toolkit.io.datadir import write_table
from toolkit.io.enrolment import draw_models, read_enroll2utt, read_sides, sides_of, write_enroll2utt
from toolkit.io.errors import InputError
from toolkit.io.trials import read_trials

UTT2SPK = {f"{s}{u}": s for s in "abc" for u in range(4)}
MODELS = {"A": ["a0", "a1"], "B": ["b0", "b2", "b1"], "unused": ["c0"]}
TRIALS = "A a2 target\nA b3 nontarget\nB b3 target\nB a0 nontarget\n"


@pytest.fixture
def data(tmp_path):
    (tmp_path / "trials").write_text(TRIALS)
    write_enroll2utt(tmp_path / "enroll2utt", MODELS)
    write_table(tmp_path / "utt2spk", UTT2SPK)
    return tmp_path


def members(sides):
    """Name and utterances of each side."""
    parts = np.split(sides.members, np.cumsum(sides.counts)[:-1])
    return [(name, [sides.utts[i] for i in part]) for name, part in zip(sides.names, parts, strict=True)]


def test_models_and_tests_become_sides(data):
    trials, sides = read_sides(data)
    actual = members(sides)
    assert dict(actual) == {"A": ["a0", "a1"], "B": ["b0", "b2", "b1"], "a2": ["a2"], "b3": ["b3"], "a0": ["a0"]}
    assert sorted(sides.utts) == ["a0", "a1", "a2", "b0", "b1", "b2", "b3"]
    pairs = [(sides.names[e], sides.names[t]) for e, t in zip(sides.enroll, sides.test, strict=True)]
    assert pairs == list(trials.pairs())
    assert not sides.are_utterances
    assert sides.speakers(UTT2SPK, "utt2spk") == [UTT2SPK[utts[0]] for _, utts in actual]


def test_without_models_the_sides_are_utterances(data):
    (data / "enroll2utt").unlink()
    (data / "trials").write_text("a0 a2 target\na0 b3 nontarget\n")
    trials, sides = read_sides(data)
    assert sides.are_utterances
    assert members(sides) == [("a0", ["a0"]), ("a2", ["a2"]), ("b3", ["b3"])]
    assert [(sides.names[e], sides.names[t]) for e, t in zip(sides.enroll, sides.test, strict=True)] == list(
        trials.pairs()
    )


def test_a_model_may_be_called_as_an_utterance_is(data):
    (data / "trials").write_text("a3 a2 target\nb3 a3 nontarget\n")
    write_enroll2utt(data / "enroll2utt", {"a3": ["a0"], "b3": ["b0", "b1"]})
    _, sides = read_sides(data)
    assert members(sides) == [("a3", ["a0"]), ("b3", ["b0", "b1"]), ("a3", ["a3"]), ("a2", ["a2"])]


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"A": ["a0"]}, "enroll2utt: lacks 1 of the trials' ids: B;"),
        ({"A": ["a0", "a0"], "B": ["b0"]}, "model A names an utterance twice"),
        ({"A": ["a0", "b3"], "B": ["b0"]}, r"trial 'A b3' tests an utterance of the model \(1 such"),
    ],
)
def test_models_that_do_not_fit(data, models, message):
    write_enroll2utt(data / "enroll2utt", models)
    with pytest.raises(InputError, match=message):
        read_sides(data)


def test_a_model_of_several_speakers(data):
    sides = sides_of(read_trials(data / "trials"), MODELS | {"A": ["a0", "c1"]})
    with pytest.raises(InputError, match="utt2spk: the utterances of model A are of several speakers, a, c; fix"):
        sides.speakers(UTT2SPK, "utt2spk")


def test_an_utterance_without_a_speaker(data):
    _, sides = read_sides(data)
    with pytest.raises(InputError, match="utt2spk: lacks 1 of the trials' ids: b2;"):
        sides.speakers({u: s for u, s in UTT2SPK.items() if u != "b2"}, "utt2spk")


def test_the_table_is_like_spk2utt(data):
    assert (data / "enroll2utt").read_text() == "A a0 a1\nB b0 b2 b1\nunused c0\n"
    assert read_enroll2utt(data / "enroll2utt") == MODELS


def test_drawn_models_are_disjoint_groups_of_one_speaker():
    utt2spk = UTT2SPK | {"d0": "d", "d1": "d"} | {f"e{i}": "e" for i in range(7)}
    models = draw_models(utt2spk, 2, seed=1)
    speakers = [name.split("-")[0] for name in models]
    assert {spk: speakers.count(spk) for spk in "abcde"} == {"a": 2, "b": 2, "c": 2, "d": 0, "e": 3}
    every = [utt for utts in models.values() for utt in utts]
    assert len(every) == len(set(every)) == 2 * len(models)
    assert all({utt2spk[utt] for utt in utts} == {name.split("-")[0]} for name, utts in models.items())
    assert draw_models(utt2spk, 2, seed=1) == models
    assert draw_models(utt2spk, 2, seed=2) != models
