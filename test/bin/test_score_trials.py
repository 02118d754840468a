import numpy as np
import pytest
from helpers.scored_trials import PAIRS, UTT2SPK, UTTS, cosine, embeddings, write_embeddings, write_trials

from toolkit.bin.score_trials import main
from toolkit.io.bootstrap_store import read_samples
from toolkit.io.command_line import run
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.io.scores import read_scores, write_scores
from toolkit.io.trials import Trials
from toolkit.metrics.statistics.bootstrap import Resamples
from toolkit.metrics.verification.error_rates import eer, min_dcf


def test_scores_are_cosines_in_the_order_of_the_trials(score_trials, tmp_path):
    score_trials()
    vectors, lines = embeddings(), (tmp_path / "out/scores.txt").read_text().splitlines()
    assert [tuple(line.split()[:2]) for line in lines] == PAIRS
    expected = [cosine(vectors[a], vectors[b]) for a, b in PAIRS]
    written = [float(line.split()[2]) for line in lines]
    assert written == pytest.approx(expected, abs=2e-6)


def test_scores_that_differ_in_the_last_digit_stay_apart(tmp_path):
    # Embeddings of a system that has hardly trained are all alike: their cosines differ far behind the point.
    scores = np.float32(0.9999) + np.arange(4, dtype=np.float32) * np.float32(6e-8)
    trials = Trials(["a", "b"], *np.zeros((2, 4), int), np.zeros(4, bool))
    write_scores(tmp_path / "scores.txt", trials, scores.astype(np.float64))
    assert np.array_equal(read_scores(tmp_path / "scores.txt").scores.astype(np.float32), scores)
    assert len(set(scores.tolist())) == 4


def test_metrics_are_those_of_the_written_scores(score_trials, tmp_path):
    metrics = score_trials()["metrics"]
    rows = [line.split() for line in (tmp_path / "out/scores.txt").read_text().splitlines()]
    target = [float(s) for a, b, s in rows if UTT2SPK[a] == UTT2SPK[b]]
    nontarget = [float(s) for a, b, s in rows if UTT2SPK[a] != UTT2SPK[b]]
    assert metrics["eer"]["value"] == pytest.approx(100 * eer(target, nontarget)[0], abs=1e-4)
    for p in (0.01, 0.05):
        assert metrics[f"min_dcf_{p}"]["value"] == pytest.approx(min_dcf(target, nontarget, p), abs=1e-6)
    for metric in metrics.values():
        assert metric["low"] <= metric["value"] <= metric["high"]
    assert [metric["unit"] for metric in metrics.values()] == ["%", "", ""]


def test_counts_and_settings_are_written(score_trials):
    actual = score_trials("--seed", "3", "--level", "0.9", "--name", "mine")
    assert (actual["set"], actual["n_speakers"]) == ("mine", 6)
    assert (actual["n_target"], actual["n_nontarget"]) == (6 * 6, 15 * 16)
    assert actual["bootstrap"].items() >= {"resamples": 50, "level": 0.9, "unit": "speaker", "seed": 3}.items()
    assert len(actual["det"]["fpr"]) == len(actual["det"]["fnr"]) > 10


def test_long_lists_are_scored_in_chunks(score_trials, monkeypatch):
    whole = score_trials()
    monkeypatch.setattr("toolkit.metrics.verification.vectors._BLOCK_BYTES", 8 * 16 * 7)
    assert score_trials() == whole


def test_voxceleb_trials_are_accepted(score_trials, tmp_path):
    expected = score_trials()
    (tmp_path / "trials").write_text("".join(f"{int(UTT2SPK[a] == UTT2SPK[b])} {a} {b}\n" for a, b in PAIRS))
    assert score_trials() == expected


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({}, {"noise": "clean", "snr": None}),
        ({"utt2noise": ["babble"], "utt2snr": ["5"]}, {"noise": "babble", "snr": 5}),
        ({"utt2noise": ["babble"], "utt2snr": ["-2.5"]}, {"noise": "babble", "snr": -2.5}),
        ({"utt2noise": ["babble"], "utt2snr": ["5", "5.0"]}, {"noise": "babble", "snr": 5}),
        ({"utt2noise": ["babble", "music"], "utt2snr": ["5"]}, {"noise": "mixed", "snr": 5}),
        ({"utt2noise": ["babble"], "utt2snr": ["5", "0"]}, {"noise": "babble", "snr": "mixed"}),
        ({"utt2noise": ["clean"], "utt2snr": ["inf"]}, {"noise": "clean", "snr": None}),
        ({"utt2noise": ["babble"]}, {"noise": "babble", "snr": None}),
    ],
)
def test_condition_comes_from_the_data_dir(score_trials, tmp_path, tables, expected):
    data = tmp_path / "test_set"
    data.mkdir()
    for name, values in tables.items():
        write_table(data / name, {utt: values[i % len(values)] for i, utt in enumerate(UTTS)})
    actual = score_trials("--data_dir", str(data))
    assert (actual["condition"], actual["set"]) == (expected, "test_set")


def break_embedding(path, **change):
    write_embeddings(path, {utt: change.get(utt.replace("-", "_"), vector) for utt, vector in embeddings().items()})


BREAKS = {
    "embedding missing": (
        lambda p: write_table(p / "embedding.scp", {"s0-0": f"{p}/embedding.ark:5"}),
        "embedding.scp: lacks 23 of the trials' ids: s0-1,",
    ),
    "embedding NaN": (lambda p: break_embedding(p, s2_1=np.full(16, np.nan)), "s2-1: .*NaN"),
    "embedding zero": (lambda p: break_embedding(p, s2_1=np.zeros(16)), "all zero for s2-1"),
    "embedding of another size": (lambda p: break_embedding(p, s2_1=np.ones(8)), "several sizes"),
    "matrices": (lambda p: write_embeddings(p, dict.fromkeys(UTTS, np.ones((3, 4)))), "matrices, not vectors"),
    "speaker missing": (
        lambda p: write_table(p / "utt2spk", {u: s for u, s in UTT2SPK.items() if u != "s4-2"}),
        "utt2spk: lacks 1 of the trials' ids: s4-2;",
    ),
    "speakers contradict labels": (
        lambda p: write_table(p / "utt2spk", UTT2SPK | {"s0-1": "s9"}),
        "speakers s0 and s9 of trial 's0-0 s0-1' contradict",
    ),
    "one kind of trial": (lambda p: write_trials(p / "trials", [("s0-0", "s1-0")]), "all trials are of one kind"),
    "no trials": (lambda p: (p / "trials").unlink(), "no such trial list"),
}


@pytest.mark.parametrize("case", BREAKS)
def test_bad_input_is_named_and_nothing_is_written(score_trials, tmp_path, case):
    spoil, message = BREAKS[case]
    spoil(tmp_path)
    with pytest.raises(InputError, match=message):
        score_trials()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"utt2snr": "5"}, "no utt2noise"),
        ({"utt2noise": "babble", "utt2snr": "loud"}, "utt2snr: s0-0: .*'loud'"),
    ],
)
def test_unclear_condition(score_trials, tmp_path, tables, message):
    for name, value in tables.items():
        write_table(tmp_path / name, dict.fromkeys(UTTS, value))
    with pytest.raises(InputError, match=message):
        score_trials("--data_dir", str(tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resamples", "-1"], "--resamples -1: must be"),
        (["--level", "1"], "--level 1: must be a number above 0 and below 1"),
        (["--top_n", "1"], "--top_n 1: must be a whole number from 2"),
        (["--breakdown", "gender"], "--breakdown needs --data_dir"),
        (["--duration_edges", "4", "2"], "must increase"),
        (["--score_norm", "as_norm"], "together with --cohort, or neither"),
        (["--score_norm", "as_norm", "--cohort", "x", "--scoring", "neg_euclidean"], "cannot be used"),
        (["--cohort", "x"], "together with --cohort, or neither"),
        (["--cohort_utt2spk", "x"], "--cohort_utt2spk needs --cohort"),
        (["--top_n", "20"], "--top_n 20 needs --score_norm as_norm"),
        (["--score_norm", "s_norm", "--cohort", "x", "--top_n", "20"], "--top_n 20 needs --score_norm as_norm"),
        (["--duration_edges", "2"], "--duration_edges and --fs need --breakdown duration"),
    ],
)
def test_settings_out_of_range(score_trials, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        score_trials(*options)
    assert not (tmp_path / "out").exists()


def test_without_resamples_there_are_no_intervals_and_no_draws(score_trials, tmp_path):
    score_trials()
    actual = score_trials("--resamples", "0")
    assert not (tmp_path / "out/draws.npz").exists()
    assert all(m["low"] is None and m["value"] is not None for m in actual["metrics"].values())


def test_the_draws_behind_the_intervals_are_kept(score_trials, tmp_path):
    actual = score_trials("--level", "0.5")
    draws, identity = read_samples(tmp_path / "out/draws.npz")
    assert (identity["seed"], identity["resamples"]) == (0, 50)
    eer = actual["metrics"]["eer"]
    drawn = Resamples({"eer": eer["value"] / 100}, {"eer": draws["eer"]}, {"eer": actual["interval_speakers"]})
    assert 100 * np.array(drawn.intervals(0.5)["eer"][1:]) == pytest.approx([eer["low"], eer["high"]], abs=1e-4)


def test_exit_code_and_message(tmp_path, capsys):
    options = ["--trials", str(tmp_path / "absent"), "--embeddings", "e", "--utt2spk", "u", "--output", str(tmp_path)]
    assert run(main, options) == 1
    assert capsys.readouterr().err.startswith("error: ")
