import json

import numpy as np
import pytest

from toolkit.bin import calibrate_scores
from toolkit.bin.score_trials import main
from toolkit.io.ark import ArkWriter
from toolkit.io.bootstrap_store import read_samples
from toolkit.io.command_line import run
from toolkit.io.datadir import write_table
from toolkit.io.enrolment import write_enroll2utt
from toolkit.io.errors import InputError
from toolkit.io.scores import read_scores, write_scores
from toolkit.io.trials import Trials
from toolkit.metrics.statistics.bootstrap import Resamples
from toolkit.metrics.verification.calibration import calibration_metrics
from toolkit.metrics.verification.error_rates import eer, min_dcf

UTT2SPK = {f"s{s}-{u}": f"s{s}" for s in range(6) for u in range(4)}
UTTS = list(UTT2SPK)
PAIRS = [(a, b) for i, a in enumerate(UTTS) for b in UTTS[i + 1 :]]


def embeddings():
    rng = np.random.default_rng(0)
    centre = {spk: rng.normal(size=16) for spk in sorted(set(UTT2SPK.values()))}
    return {utt: 3 * centre[spk] + 3 * rng.normal(size=16) for utt, spk in UTT2SPK.items()}


def write_embeddings(path, vectors):
    with ArkWriter(path / "embedding.ark") as ark:
        for utt, vector in vectors.items():
            ark.write(utt, vector)
    write_table(path / "embedding.scp", ark.scp)


def write_trials(path, pairs):
    label = {True: "target", False: "nontarget"}
    path.write_text("".join(f"{a} {b} {label[UTT2SPK[a] == UTT2SPK[b]]}\n" for a, b in pairs))


@pytest.fixture
def setup(tmp_path):
    """Embeddings, trials and speakers in tmp_path; call it to score them."""
    write_embeddings(tmp_path, embeddings())
    write_trials(tmp_path / "trials", PAIRS)
    write_table(tmp_path / "utt2spk", UTT2SPK)

    def score(*more):
        inputs = ["--trials", "trials", "--embeddings", "embedding.scp", "--utt2spk", "utt2spk"]
        paths = [word if word.startswith("-") else str(tmp_path / word) for word in inputs]
        main([*paths, "--output", str(tmp_path / "out"), "--resamples", "50", *more])
        return json.loads((tmp_path / "out/metrics.json").read_text())

    return score


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def test_scores_are_cosines_in_the_order_of_the_trials(setup, tmp_path):
    setup()
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


def test_metrics_are_those_of_the_written_scores(setup, tmp_path):
    metrics = setup()["metrics"]
    rows = [line.split() for line in (tmp_path / "out/scores.txt").read_text().splitlines()]
    target = [float(s) for a, b, s in rows if UTT2SPK[a] == UTT2SPK[b]]
    nontarget = [float(s) for a, b, s in rows if UTT2SPK[a] != UTT2SPK[b]]
    assert metrics["eer"]["value"] == pytest.approx(100 * eer(target, nontarget)[0], abs=1e-4)
    for p in (0.01, 0.05):
        assert metrics[f"min_dcf_{p}"]["value"] == pytest.approx(min_dcf(target, nontarget, p), abs=1e-6)
    for metric in metrics.values():
        assert metric["low"] <= metric["value"] <= metric["high"]
    assert [metric["unit"] for metric in metrics.values()] == ["%", "", ""]


def test_counts_and_settings_are_written(setup):
    actual = setup("--seed", "3", "--level", "0.9", "--name", "mine")
    assert (actual["set"], actual["n_speakers"]) == ("mine", 6)
    assert (actual["n_target"], actual["n_nontarget"]) == (6 * 6, 15 * 16)
    assert actual["bootstrap"].items() >= {"resamples": 50, "level": 0.9, "unit": "speaker", "seed": 3}.items()
    assert len(actual["det"]["fpr"]) == len(actual["det"]["fnr"]) > 10


def test_long_lists_are_scored_in_chunks(setup, monkeypatch):
    whole = setup()
    monkeypatch.setattr("toolkit.metrics.verification.vectors._BLOCK_BYTES", 8 * 16 * 7)
    assert setup() == whole


def test_voxceleb_trials_are_accepted(setup, tmp_path):
    expected = setup()
    (tmp_path / "trials").write_text("".join(f"{int(UTT2SPK[a] == UTT2SPK[b])} {a} {b}\n" for a, b in PAIRS))
    assert setup() == expected


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
def test_condition_comes_from_the_data_dir(setup, tmp_path, tables, expected):
    data = tmp_path / "test_set"
    data.mkdir()
    for name, values in tables.items():
        write_table(data / name, {utt: values[i % len(values)] for i, utt in enumerate(UTTS)})
    actual = setup("--data_dir", str(data))
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
def test_bad_input_is_named_and_nothing_is_written(setup, tmp_path, case):
    spoil, message = BREAKS[case]
    spoil(tmp_path)
    with pytest.raises(InputError, match=message):
        setup()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"utt2snr": "5"}, "no utt2noise"),
        ({"utt2noise": "babble", "utt2snr": "loud"}, "utt2snr: s0-0: .*'loud'"),
    ],
)
def test_unclear_condition(setup, tmp_path, tables, message):
    for name, value in tables.items():
        write_table(tmp_path / name, dict.fromkeys(UTTS, value))
    with pytest.raises(InputError, match=message):
        setup("--data_dir", str(tmp_path))


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
def test_settings_out_of_range(setup, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        setup(*options)
    assert not (tmp_path / "out").exists()


def test_without_resamples_there_are_no_intervals_and_no_draws(setup, tmp_path):
    setup()
    actual = setup("--resamples", "0")
    assert not (tmp_path / "out/draws.npz").exists()
    assert all(m["low"] is None and m["value"] is not None for m in actual["metrics"].values())


def test_the_draws_behind_the_intervals_are_kept(setup, tmp_path):
    actual = setup("--level", "0.5")
    draws, identity = read_samples(tmp_path / "out/draws.npz")
    assert (identity["seed"], identity["resamples"]) == (0, 50)
    eer = actual["metrics"]["eer"]
    drawn = Resamples({"eer": eer["value"] / 100}, {"eer": draws["eer"]}, {"eer": actual["interval_speakers"]})
    assert 100 * np.array(drawn.intervals(0.5)["eer"][1:]) == pytest.approx([eer["low"], eer["high"]], abs=1e-4)


def test_normalised_scores(setup, tmp_path):
    rng = np.random.default_rng(1)
    others = {f"c{s}-{u}": rng.normal(size=16).astype(np.float32) for s in range(8) for u in range(2)}
    write_embeddings(tmp_path / "cohort", others)
    write_table(tmp_path / "cohort/utt2spk", {utt: utt.split("-")[0] for utt in others})
    paths = ["--cohort", str(tmp_path / "cohort/embedding.scp"), "--cohort_utt2spk", str(tmp_path / "cohort/utt2spk")]
    actual = setup("--score_norm", "as_norm", "--top_n", "3", *paths)
    assert actual["scoring"] == {"scoring": "cosine", "score_norm": "as_norm", "cohort": "8 speakers", "top_n": 3}
    scores = [float(line.split()[2]) for line in (tmp_path / "out/scores.txt").read_text().splitlines()]
    assert min(scores) < -1.5  # no cosines any more


def test_models_that_are_not_meant(setup, tmp_path):
    expected = setup()
    write_enroll2utt(tmp_path / "enroll2utt", {"m": ["s0-0"]})
    with pytest.raises(InputError, match="enroll2utt: lacks"):
        setup()
    assert setup("--enroll2utt", "none") == expected


def test_models_beside_the_trials_are_enrolled(setup, tmp_path):
    models = {f"m{s}": [f"s{s}-0", f"s{s}-1"] for s in range(6)}
    write_enroll2utt(tmp_path / "enroll2utt", models)
    label = {True: "target", False: "nontarget"}
    pairs = [(model, utt) for model in models for utt in UTTS if utt not in models[model]]
    (tmp_path / "trials").write_text("".join(f"{m} {u} {label[m[1] == u[1]]}\n" for m, u in pairs))
    actual = setup()
    assert actual["scoring"]["enrolment"] == "2 utterances"
    vectors = {utt: vector / np.linalg.norm(vector) for utt, vector in embeddings().items()}
    expected = [cosine(sum(vectors[u] for u in models[m]), vectors[utt]) for m, utt in pairs]
    lines = (tmp_path / "out/scores.txt").read_text().splitlines()
    assert [float(line.split()[2]) for line in lines] == pytest.approx(expected, abs=2e-6)


def calibrated(tmp_path, *more):
    """Fit on the scores in out/, and return the file."""
    path = tmp_path / "calibration.json"
    words = ["--scores", str(tmp_path / "out/scores.txt"), "--trials", str(tmp_path / "trials")]
    calibrate_scores.main([*words, "--output", str(path), *more])
    return path


def test_calibration_adds_llrs_and_their_costs_and_changes_nothing_else(setup, tmp_path):
    plain = setup()
    path = calibrated(tmp_path, "--p_target", "0.1")
    actual = setup("--calibration", str(path))
    fit = json.loads(path.read_text())
    scores, llrs = (
        np.array([float(line.split()[2]) for line in (tmp_path / "out" / name).read_text().splitlines()])
        for name in ("scores.txt", "llr.txt")
    )
    assert llrs == pytest.approx(fit["scale"] * scores + fit["offset"], abs=1e-4)
    is_target = np.array([UTT2SPK[a] == UTT2SPK[b] for a, b in PAIRS])
    expected = calibration_metrics(llrs[is_target], llrs[~is_target])
    values = {name: metric["value"] for name, metric in actual["metrics"].items()}
    assert {name: values.pop(name) for name in expected} == pytest.approx(expected, abs=1e-3)
    assert values == {name: metric["value"] for name, metric in plain["metrics"].items()}
    assert expected["min_cllr"] <= expected["cllr"] < 1
    assert {k: actual["calibration"][k] for k in ("scale", "offset")} == {k: fit[k] for k in ("scale", "offset")}
    assert (fit["n_target"], fit["n_nontarget"], fit["p_target"]) == (36, 240, 0.1)
    assert "calibration" not in setup()
    assert not (tmp_path / "out/llr.txt").exists()


def test_a_calibration_of_scores_made_in_another_way_is_refused(setup, tmp_path):
    setup()
    path = calibrated(tmp_path)
    with pytest.raises(InputError, match="was fitted on scores made by scoring cosine, .* these are by scoring mean_"):
        setup("--calibration", str(path), "--scoring", "mean_cosine")
    setup("--scoring", "mean_cosine", "--name", "other")
    (tmp_path / "more").mkdir()
    for name in ("scores.txt", "metrics.json"):
        (tmp_path / "out" / name).rename(tmp_path / "more" / name)
    setup()
    files = [str(tmp_path / name / "scores.txt") for name in ("out", "more")]
    lists = [str(tmp_path / "trials")] * 2
    with pytest.raises(InputError, match="has another scoring backend than the others"):
        calibrate_scores.main(["--scores", *files, "--trials", *lists, "--output", str(tmp_path / "c.json")])


def test_target_trials_within_a_session_are_counted(setup, tmp_path):
    write_table(tmp_path / "data/utt2session", {utt: f"{utt[:2]}-{int(utt[-1]) // 2}" for utt in UTTS})
    within = [a for a, b in PAIRS if a[:2] == b[:2] and int(a[-1]) // 2 == int(b[-1]) // 2]
    assert 0 < len(within) == setup("--data_dir", str(tmp_path / "data"))["n_target_within_session"]
    assert "n_target_within_session" not in setup()


def test_breakdown(setup, tmp_path):
    data = tmp_path / "data"
    write_table(data / "spk2gender", {f"s{s}": "f" if s < 4 else "m" for s in range(6)})
    write_table(data / "utt2dur", {utt: float(utt[-1]) for utt in UTTS})
    options = ["--data_dir", str(data), "--breakdown", "gender", "duration", "--duration_edges", "0.5", "9"]
    actual = setup(*options)["breakdown"]
    women = [(a, b) for a, b in PAIRS if a[1] in "0123" and b[1] in "0123"]
    (tmp_path / "women").mkdir()
    write_trials(tmp_path / "women/trials", women)
    alone = setup("--trials", str(tmp_path / "women/trials"))
    group = actual["gender"]["groups"]["f"]
    assert group["metrics"] == alone["metrics"]
    assert (group["n_target"], group["n_nontarget"], group["n_speakers"]) == (24, 96, 4)
    assert group["note"] == "few trials"
    assert actual["gender"]["left_out"] == {"n_target": 0, "n_nontarget": 8 * 16}
    empty = actual["duration"]["groups"][">= 9 s"]
    assert (empty["metrics"], empty["note"]) == (None, "no target and no nontarget trials")


def test_exit_code_and_message(tmp_path, capsys):
    options = ["--trials", str(tmp_path / "absent"), "--embeddings", "e", "--utt2spk", "u", "--output", str(tmp_path)]
    assert run(main, options) == 1
    assert capsys.readouterr().err.startswith("error: ")
