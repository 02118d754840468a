"""Scores of intents: worked by hand, intervals by resampling in loops, and their report."""

import json
import random

import numpy as np
import pytest

from toolkit.bin import report
from toolkit.bin.score_intents import main
from toolkit.io.command_line import run
from toolkit.io.datadir import write_table

REFERENCES = {"a-1": "what=on where=here", "a-2": "what=on where=there", "b-1": "what=off where=here"}
HYPOTHESES = {"a-1": "what=on where=here", "a-2": "where=here what=on", "b-1": "what=on where=there"}


def write_set(root, name, intents, speakers=None):
    write_table(root / name / "utt2intent", intents)
    if speakers:
        write_table(root / name / "utt2spk", speakers)


@pytest.fixture
def root(tmp_path):
    """``raw/test`` and ``heard/test``."""
    write_set(tmp_path / "raw", "test", REFERENCES, {utt: utt[0] for utt in REFERENCES})
    write_set(tmp_path / "heard", "test", HYPOTHESES)
    return tmp_path


def words(root, *more):
    folders = ["--in_root", root / "heard", "--ref_root", root / "raw", "--out_root", root / "scores"]
    return [*map(str, folders), "--sets", "test", "--resamples", "300", *more]


def test_worked_by_hand(root, capsys):
    """All, half and none of the slots are right; the order of slots does not count."""
    main(words(root))
    result = json.loads((root / "scores/test/result.json").read_text())
    assert result["metrics"]["intent_accuracy"]["value"] == pytest.approx(100 / 3, abs=1e-4)
    assert result["metrics"]["slot_accuracy"]["value"] == pytest.approx(50)
    assert (result["n_utterances"], result["n_speakers"]) == (3, 2)
    rows = [line.split("\t") for line in (root / "scores/test/utterances.tsv").read_text().splitlines()[1:]]
    assert {row[0]: [float(x) for x in row[2:4]] for row in rows} == {"a-1": [1, 1], "a-2": [0, 0.5], "b-1": [0, 0]}
    assert rows[-1][0] == "a-1"  # what is not recognised comes first
    assert "33.33 %" in capsys.readouterr().out


def test_intervals_are_of_resampled_speakers(root):
    """Wider than those of utterances would be: all utterances of a speaker are right, or none."""
    speakers = {f"s{s}-{u}": f"s{s}" for s in range(8) for u in range(20)}
    write_set(root / "raw", "test", dict.fromkeys(speakers, "what=on"), speakers)
    write_set(root / "heard", "test", {utt: f"what={'on' if spk < 's4' else 'off'}" for utt, spk in speakers.items()})
    main(words(root))
    rate = json.loads((root / "scores/test/result.json").read_text())["metrics"]["intent_accuracy"]
    of_utterances = 2 * 1.96 * 100 * np.sqrt(0.25 / 160)
    assert rate["value"] == pytest.approx(50)
    assert rate["high"] - rate["low"] > 2.5 * of_utterances


def without(intents, utt):
    return {key: text for key, text in intents.items() if key != utt}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda root: write_set(root / "heard", "test", without(HYPOTHESES, "a-2")), ("heard/test/utt2intent", "a-2")),
        (lambda root: write_set(root / "heard", "test", HYPOTHESES | {"z": "what=on"}), ("heard/test/utt2intent", "z")),
        (lambda root: write_set(root / "heard", "test", HYPOTHESES | {"a-1": "what=on"}), ("a-1", "where")),
        (lambda root: write_set(root / "raw", "test", REFERENCES | {"a-1": "what"}), ("raw/test/utt2intent", "a-1")),
        (lambda root: write_set(root / "raw", "test", REFERENCES | {"a-1": "what=1 what=2"}), ("a-1",)),
        (lambda root: (root / "heard/test/utt2intent").unlink(), ("heard/test/utt2intent",)),
        (lambda root: (root / "raw/test/utt2spk").unlink(), ("raw/test",)),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(root, change, named, capsys):
    change(root)
    assert run(main, words(root)) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert all(name in message for name in named)
    assert not (root / "scores").exists()


@pytest.fixture
def experiments(tmp_path, monkeypatch):
    """``exp/ic_one`` with few wrong intents and ``exp/ic_two`` with many, over clean and noisy speech."""
    monkeypatch.chdir(tmp_path)
    utts = {f"s{s}-u{u}": f"s{s}" for s in range(6) for u in range(8)}
    for name, noise, snr in (("test", "clean", "inf"), ("test_babble_0", "babble", "0")):
        write_set(tmp_path / "raw", name, dict.fromkeys(utts, "what=on where=here"), utts)
        (tmp_path / "raw" / name / "conditions.tsv").write_text(f"test_set\tnoise\tsnr\ntest\t{noise}\t{snr}\n")
        for expdir, share in (("exp/ic_one", 0.1), ("exp/ic_two", 0.6)):
            rng = random.Random(f"{expdir}{name}")
            heard = {utt: f"what={'off' if rng.random() < share else 'on'} where=here" for utt in utts}
            write_set(tmp_path / expdir / "intents", name, heard)
    for expdir in ("exp/ic_one", "exp/ic_two"):
        folders = ["--in_root", f"{expdir}/intents", "--ref_root", "raw", "--out_root", f"{expdir}/scores"]
        main([*folders, "--sets", "test", "test_babble_0", "--resamples", "200"])
    return tmp_path


def test_the_report_has_the_scores_and_the_comparison(experiments):
    report.main(["ic", "--expdir", "exp/ic_one", "--compare", "exp/ic_two", "--recipe_results", "RESULTS.md"])
    page = (experiments / "exp/ic_one/RESULTS.md").read_text()
    for expdir in ("exp/ic_one", "exp/ic_two"):
        for name in ("test", "test_babble_0"):
            rate = json.loads((experiments / expdir / "scores" / name / "result.json").read_text())["metrics"]
            value = rate["intent_accuracy"]
            assert f"{value['value']:.2f} [{value['low']:.2f}, {value['high']:.2f}]" in page
    content = json.loads((experiments / "exp/ic_one/results.json").read_text())
    (compared,) = content["comparisons"]
    assert compared["differences"]["test"]["intent_accuracy"]["value"] < 0
    assert compared["differences"]["mean of 2 sets"]["intent_accuracy"]["p"] < 0.05
    assert (experiments / "RESULTS.md").is_file()
