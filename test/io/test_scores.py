import numpy as np
import pytest

from toolkit.io.errors import InputError
from toolkit.io.scores import read_scores, scores_of, write_scores
from toolkit.io.trials import Trials, read_trials

TRIALS = "a b target\na c nontarget\nb c nontarget\n"


@pytest.fixture
def trials(tmp_path):
    (tmp_path / "trials").write_text(TRIALS)
    return read_trials(tmp_path / "trials")


def test_written_lines(tmp_path, trials):
    write_scores(tmp_path / "scores.txt", trials, np.array([0.5, -1.25, 0.123456789], np.float32))
    # Nine digits: of 0.123456789 the nearest float32 is 0.12345679104...
    assert (tmp_path / "scores.txt").read_text() == "a b 0.5\na c -1.25\nb c 0.123456791\n"


def test_what_is_written_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit.io.scores._CHUNK_TRIALS", 100)
    monkeypatch.setattr("toolkit.io.text._CHUNK_BYTES", 999)
    rng = np.random.default_rng(0)
    pairs = rng.integers(30, size=(2, 1234)).astype(np.int32)
    trials = Trials([f"é{i}/x.wav" for i in range(30)], *pairs, np.zeros(1234, bool))
    scores = rng.normal(size=1234)
    write_scores(tmp_path / "s", trials, scores)
    actual = read_scores(tmp_path / "s")
    names = [(actual.ids[a], actual.ids[b]) for a, b in zip(actual.enroll, actual.test, strict=True)]
    assert names == list(trials.pairs())
    assert actual.scores == pytest.approx(scores, abs=6e-7)
    assert scores_of(trials, actual, "s", "t") is actual.scores


def scored(tmp_path, text):
    (tmp_path / "s").write_text(text)
    return read_scores(tmp_path / "s")


@pytest.mark.parametrize("last", ["", "\n"])
def test_another_order_is_put_right(tmp_path, trials, last):
    actual = scored(tmp_path, f"b c 3\n a\tb 1e0\r\na c 2{last}")
    assert scores_of(trials, actual, "s", "t").tolist() == [1, 2, 3]


def test_a_trial_that_stands_twice(tmp_path):
    (tmp_path / "trials").write_text("a b target\na c nontarget\na b target\n")
    actual = scored(tmp_path, "a c 2\na b 1\na b 1\n")
    assert scores_of(read_trials(tmp_path / "trials"), actual, "s", "t").tolist() == [1, 2, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b 1\na c 2\n", "s: its 2 trials are not the 3 of t, e.g. 'b c' is not scored"),
        ("a b 1\na c 2\nb d 3\n", "e.g. 'b c' is not scored"),
        ("a b 1\na c 2\nc b 3\n", "e.g. 'b c' is not scored"),
        ("a b 1\na c 2\nb c 3\nd e 4\n", "its 4 trials are not the 3 of t; score"),
        ("a b 1\na c 2\nb c 3\nb c 3\n", "its 4 trials"),
    ],
)
def test_scores_of_other_trials(tmp_path, trials, text, message):
    with pytest.raises(InputError, match=message):
        scores_of(trials, scored(tmp_path, text), "s", "t")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b 1\na c\n", "s:2: expected 'enroll test score', got 'a c'"),
        ("a b 1\na c x\n", "s:2: .* got 'a c x'"),
        ("a b nan\n", "s:1: "),
        ("a b 1\n\n", "s:2: "),
        ("a b 1 target\n", "s:1: "),
        ("", "is empty"),
    ],
)
def test_malformed_files_are_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        scored(tmp_path, text)


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="none: score file not found"):
        read_scores(tmp_path / "none")
