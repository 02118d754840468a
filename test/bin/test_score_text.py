"""Scores of recognised text: worked by hand, and intervals by resampling in loops."""

import json

import jiwer
import numpy as np
import pytest
from helpers.text_scores import write_hypotheses, write_references

from toolkit.bin.score_text import main
from toolkit.io.command_line import run
from toolkit.metrics.statistics.bootstrap import stretch

REFERENCES = {"a-1": "THE CAT SAT", "a-2": "ON  THE MAT", "b-1": "A DOG", "b-2": "RAN"}
HYPOTHESES = {"a-1": "THE BAT SAT", "a-2": "ON MAT", "b-1": "A DOG TOO", "b-2": ""}
# errors, substitutions, deletions, insertions, length: in words, then in characters
COUNTED = {
    "a-1": [1, 1, 0, 0, 3, 1, 1, 0, 0, 11],
    "a-2": [1, 0, 1, 0, 3, 4, 0, 4, 0, 10],
    "b-1": [1, 0, 0, 1, 2, 4, 0, 0, 4, 5],
    "b-2": [1, 0, 1, 0, 1, 3, 0, 3, 0, 3],
}


@pytest.fixture
def root(tmp_path):
    """``raw/test`` and ``heard/test``."""
    write_references(tmp_path / "raw", "test", REFERENCES, {utt: utt[0] for utt in REFERENCES})
    write_hypotheses(tmp_path / "heard", "test", HYPOTHESES)
    return tmp_path


def words(root, *more):
    folders = ["--in_root", root / "heard", "--ref_root", root / "raw", "--out_root", root / "scores"]
    return [*map(str, folders), "--sets", "test", "--resamples", "200", *more]


def scores(root):
    lines = (root / "scores/test/utterances.tsv").read_text().splitlines()
    return json.loads((root / "scores/test/result.json").read_text()), [line.split("\t") for line in lines[1:]]


def test_errors_worked_by_hand(root, capsys):
    main(words(root))
    result, rows = scores(root)
    assert {utt: list(map(int, cells[:-2])) for utt, _, *cells in rows} == COUNTED
    assert [row[1] for row in rows] == ["a", "a", "b", "b"]
    assert rows[1][-2:] == ["ON THE MAT", "ON MAT"]
    assert rows[3][-2:] == ["RAN", ""]
    assert (result["n_utterances"], result["n_speakers"], result["set"]) == (4, 2, "test")
    wer, cer = result["metrics"]["wer"], result["metrics"]["cer"]
    assert wer["value"] == pytest.approx(100 * 4 / 9, abs=1e-5)
    assert wer["counts"] == {"substitutions": 1, "deletions": 2, "insertions": 1, "length": 9}
    assert cer["value"] == pytest.approx(100 * 12 / 29, abs=1e-5)
    assert cer["counts"] == {"substitutions": 1, "deletions": 7, "insertions": 4, "length": 29}
    assert "44.44 %" in capsys.readouterr().out


def test_texts_of_other_conventions_are_compared_by_their_words(root):
    """Case and punctuation count in the texts as they are written, and not in their words."""
    heard = {utt: f"{text.lower()}." for utt, text in REFERENCES.items()}
    write_hypotheses(root / "heard", "test", heard)
    for normalize, expected in (("none", 100 * jiwer.wer([*REFERENCES.values()], [*heard.values()])), ("words", 0)):
        main(words(root, "--normalize", normalize))
        assert scores(root)[0]["metrics"]["wer"]["value"] == pytest.approx(expected)


def test_intervals_are_of_resampled_speakers(root):
    """Errors and words of four speakers, drawn in a loop; percentiles, stretched as for so few speakers."""
    sizes = {"a": (1, 4), "b": (3, 5), "c": (0, 6), "d": (2, 2)}
    write_references(root / "raw", "test", {s: " ".join("w" * n) for s, (_, n) in sizes.items()}, {s: s for s in sizes})
    write_hypotheses(root / "heard", "test", {s: " ".join("x" * e + "w" * (n - e)) for s, (e, n) in sizes.items()})
    main(words(root, "--seed", "5", "--level", "0.9"))
    rng, rates = np.random.default_rng(5), []
    for draw in rng.multinomial(4, [0.25] * 4, size=200):
        drawn = [size for size, times in zip(sizes.values(), draw, strict=True) for _ in range(times)]
        rates.append(100 * sum(e for e, _ in drawn) / sum(n for _, n in drawn))
    value, factor = 100 * 6 / 17, stretch(4, 0.9)
    low, high = (value + factor * (x - value) for x in np.quantile(rates, (0.05, 0.95)))
    wer = scores(root)[0]["metrics"]["wer"]
    assert (wer["value"], wer["low"], wer["high"]) == pytest.approx((value, max(low, 0), high), abs=1e-5)


def test_empty_references_have_no_rate(root):
    """What is heard in them counts as insertions."""
    write_hypotheses(root / "raw", "test", dict.fromkeys(REFERENCES, ""))
    main(words(root))
    wer = scores(root)[0]["metrics"]["wer"]
    assert (wer["value"], wer["low"], wer["counts"]["insertions"], wer["counts"]["length"]) == (None, None, 8, 0)


def without(texts, utt):
    return {key: text for key, text in texts.items() if key != utt}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda root: write_hypotheses(root / "heard", "test", without(HYPOTHESES, "a-2")), ("heard/test/text", "a-2")),
        (lambda root: write_hypotheses(root / "heard", "test", {**HYPOTHESES, "z": "A"}), ("heard/test/text", "z")),
        (lambda root: write_hypotheses(root / "raw", "test", without(HYPOTHESES, "b-2")), ("raw/test/text", "b-2")),
        (lambda root: (root / "heard/test/text").unlink(), ("heard/test/text",)),
        (lambda root: (root / "heard/test/text").write_text("a-1\n"), ("heard/test/text:1",)),
        (lambda root: (root / "raw/test/utt2spk").unlink(), ("raw/test",)),
        (lambda root: (root / "raw/test/conditions.tsv").write_text("x\n"), ("raw/test/conditions.tsv",)),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(root, change, named, capsys):
    change(root)
    assert run(main, words(root)) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert all(name in message for name in named)
    assert not (root / "scores").exists()
