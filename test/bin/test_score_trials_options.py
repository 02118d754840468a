"""Normalised and calibrated scores, enrolment models, groups of trials."""

import json

import numpy as np
import pytest
from helpers.scored_trials import PAIRS, UTT2SPK, UTTS, cosine, embeddings, write_embeddings, write_trials

from toolkit.bin import calibrate_scores
from toolkit.io.datadir import write_table
from toolkit.io.enrolment import write_enroll2utt
from toolkit.io.errors import InputError
from toolkit.metrics.verification.calibration import calibration_metrics


def test_normalised_scores(score_trials, tmp_path):
    rng = np.random.default_rng(1)
    others = {f"c{s}-{u}": rng.normal(size=16).astype(np.float32) for s in range(8) for u in range(2)}
    write_embeddings(tmp_path / "cohort", others)
    write_table(tmp_path / "cohort/utt2spk", {utt: utt.split("-")[0] for utt in others})
    paths = ["--cohort", str(tmp_path / "cohort/embedding.scp"), "--cohort_utt2spk", str(tmp_path / "cohort/utt2spk")]
    actual = score_trials("--score_norm", "as_norm", "--top_n", "3", *paths)
    assert actual["scoring"] == {"scoring": "cosine", "score_norm": "as_norm", "cohort": "8 speakers", "top_n": 3}
    scores = [float(line.split()[2]) for line in (tmp_path / "out/scores.txt").read_text().splitlines()]
    assert min(scores) < -1.5  # no cosines any more


def test_models_that_are_not_meant(score_trials, tmp_path):
    expected = score_trials()
    write_enroll2utt(tmp_path / "enroll2utt", {"m": ["s0-0"]})
    with pytest.raises(InputError, match="enroll2utt: lacks"):
        score_trials()
    assert score_trials("--enroll2utt", "none") == expected


def test_models_beside_the_trials_are_enrolled(score_trials, tmp_path):
    models = {f"m{s}": [f"s{s}-0", f"s{s}-1"] for s in range(6)}
    write_enroll2utt(tmp_path / "enroll2utt", models)
    label = {True: "target", False: "nontarget"}
    pairs = [(model, utt) for model in models for utt in UTTS if utt not in models[model]]
    (tmp_path / "trials").write_text("".join(f"{m} {u} {label[m[1] == u[1]]}\n" for m, u in pairs))
    actual = score_trials()
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


def test_calibration_adds_llrs_and_their_costs_and_changes_nothing_else(score_trials, tmp_path):
    plain = score_trials()
    path = calibrated(tmp_path, "--p_target", "0.1")
    actual = score_trials("--calibration", str(path))
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
    assert "calibration" not in score_trials()
    assert not (tmp_path / "out/llr.txt").exists()


def test_a_calibration_of_scores_made_in_another_way_is_refused(score_trials, tmp_path):
    score_trials()
    path = calibrated(tmp_path)
    with pytest.raises(InputError, match="was fitted on scores made by scoring cosine, .* these are by scoring mean_"):
        score_trials("--calibration", str(path), "--scoring", "mean_cosine")
    score_trials("--scoring", "mean_cosine", "--name", "other")
    (tmp_path / "more").mkdir()
    for name in ("scores.txt", "metrics.json"):
        (tmp_path / "out" / name).rename(tmp_path / "more" / name)
    score_trials()
    files = [str(tmp_path / name / "scores.txt") for name in ("out", "more")]
    lists = [str(tmp_path / "trials")] * 2
    with pytest.raises(InputError, match="has another scoring backend than the others"):
        calibrate_scores.main(["--scores", *files, "--trials", *lists, "--output", str(tmp_path / "c.json")])


def test_target_trials_within_a_session_are_counted(score_trials, tmp_path):
    write_table(tmp_path / "data/utt2session", {utt: f"{utt[:2]}-{int(utt[-1]) // 2}" for utt in UTTS})
    within = [a for a, b in PAIRS if a[:2] == b[:2] and int(a[-1]) // 2 == int(b[-1]) // 2]
    assert 0 < len(within) == score_trials("--data_dir", str(tmp_path / "data"))["n_target_within_session"]
    assert "n_target_within_session" not in score_trials()


def test_breakdown(score_trials, tmp_path):
    data = tmp_path / "data"
    write_table(data / "spk2gender", {f"s{s}": "f" if s < 4 else "m" for s in range(6)})
    write_table(data / "utt2dur", {utt: float(utt[-1]) for utt in UTTS})
    options = ["--data_dir", str(data), "--breakdown", "gender", "duration", "--duration_edges", "0.5", "9"]
    actual = score_trials(*options)["breakdown"]
    women = [(a, b) for a, b in PAIRS if a[1] in "0123" and b[1] in "0123"]
    (tmp_path / "women").mkdir()
    write_trials(tmp_path / "women/trials", women)
    alone = score_trials("--trials", str(tmp_path / "women/trials"))
    group = actual["gender"]["groups"]["f"]
    assert group["metrics"] == alone["metrics"]
    assert (group["n_target"], group["n_nontarget"], group["n_speakers"]) == (24, 96, 4)
    assert group["note"] == "few trials"
    assert actual["gender"]["left_out"] == {"n_target": 0, "n_nontarget": 8 * 16}
    empty = actual["duration"]["groups"][">= 9 s"]
    assert (empty["metrics"], empty["note"]) == (None, "no target and no nontarget trials")
