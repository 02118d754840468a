"""The hardest trials: chosen by brute force, heard as they are, absent where their audio is."""

import json

import numpy as np
import pytest
import soundfile

from toolkit.io.datadir import write_table
from toolkit.report.summaries import SetSummary
from toolkit.tasks.verification.trial_listening import scored_trials, write_hardest

FS = 8000
UTTS = {f"s{s}-{u}": f"s{s}" for s in range(3) for u in range(3)}
PAIRS = [(a, b) for a in UTTS for b in UTTS if a < b]


@pytest.fixture
def scored(tmp_path):
    """Data dir, set and scores by pair."""
    rng, data = np.random.default_rng(0), tmp_path / "data"
    data.mkdir()
    scores = {pair: float(rng.normal(UTTS[pair[0]] == UTTS[pair[1]])) for pair in PAIRS}
    for utt in UTTS:
        soundfile.write(data / f"{utt}.wav", 0.1 * rng.standard_normal(FS), FS, subtype="PCM_16")
    write_table(data / "wav.scp", {utt: str(data / f"{utt}.wav") for utt in UTTS})
    write_table(data / "utt2spk", UTTS)
    label = {True: "target", False: "nontarget"}
    (data / "trials").write_text("".join(f"{a} {b} {label[UTTS[a] == UTTS[b]]}\n" for a, b in PAIRS))
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores/scores.txt").write_text("".join(f"{a} {b} {scores[a, b]:.9g}\n" for a, b in PAIRS))
    return data, SetSummary({}, name="test", folder=str(tmp_path / "scores")), scores


def test_the_hardest_of_each_kind(scored, tmp_path):
    data, one, scores = scored
    assert write_hardest(tmp_path / "out", [scored_trials(one, data)], 0.5) == 4
    rows = json.loads((tmp_path / "out/listening.json").read_text())["rows"]
    targets = sorted((score, pair) for pair, score in scores.items() if UTTS[pair[0]] == UTTS[pair[1]])
    nontargets = sorted((-score, pair) for pair, score in scores.items() if UTTS[pair[0]] != UTTS[pair[1]])
    wanted = [pair for _, pair in (*targets[:2], *nontargets[:2])]
    assert [tuple(row["id"].split()) for row in rows] == wanted
    threshold = float(rows[0]["facts"]["threshold"])
    for row, pair in zip(rows, wanted, strict=True):
        wrong = threshold - scores[pair] if row["facts"]["kind"] == "target" else scores[pair] - threshold
        assert row["numbers"]["margin"] == pytest.approx(wrong, abs=6e-4)
        assert (row["facts"]["enrolled"], row["facts"]["tested"]) == tuple(UTTS[utt] for utt in pair)
        for column, utt in zip(row["columns"], pair, strict=True):
            heard, truth = (
                soundfile.read(path)[0] for path in (tmp_path / "out" / column["audio"], data / f"{utt}.wav")
            )
            np.testing.assert_array_equal(heard, truth[: FS // 2])


def test_a_model_is_heard_by_its_first_utterance(scored):
    data, one, _ = scored
    (data / "enroll2utt").write_text("m s0-2 s0-0\n")
    (data / "trials").write_text("m s0-1 target\nm s1-0 nontarget\n")
    (data.parent / "scores/scores.txt").write_text("m s0-1 0.5\nm s1-0 0.25\n")
    assert scored_trials(one, data).enrolled(0) == ("s0-2", "enrolment, 1 of 2")


@pytest.mark.parametrize("name", ["trials", "wav.scp", "utt2spk"])
def test_without_their_files_there_are_none(scored, name):
    data, one, _ = scored
    (data / name).unlink()
    assert scored_trials(one, data) is None


def test_other_trials_than_those_that_were_scored(scored, caplog, tmp_path):
    data, one, _ = scored
    (data / "trials").write_text("s0-0 s0-1 target\ns0-0 s1-1 nontarget\n")
    assert scored_trials(one, data) is None
    assert "scores.txt" in caplog.text
    assert write_hardest(tmp_path / "out", [], 1.0) == 0
    assert not (tmp_path / "out").exists()
