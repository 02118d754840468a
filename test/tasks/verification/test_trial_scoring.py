"""From tables and arks to scores, against brute force: a trial at a time, in float64."""

import subprocess
import sys

import numpy as np
import pytest

from toolkit.io.ark import ArkWriter
from toolkit.io.datadir import write_table
from toolkit.io.enrolment import write_enroll2utt
from toolkit.io.errors import InputError
from toolkit.tasks.verification.trial_scoring import check_scoring, load_cohort, load_trials, trial_scores

RNG = np.random.default_rng(0)
UTT2SPK = {f"s{s}-{u}": f"s{s}" for s in range(5) for u in range(5)}
COHORT = {f"c{s}-{u}": f"c{s}" for s in range(6) for u in range(1 + s)}
MODELS = {f"s{s}-model": [f"s{s}-{u}" for u in range(3)] for s in range(5)}


def embeddings(ids, segments):
    """Vectors, or matrices of one to four rows; lengths differ."""
    shape = (lambda i: (1 + i % 4, 6)) if segments else (lambda i: 6)
    return {key: RNG.uniform(0.5, 9) * RNG.normal(size=shape(i)).astype(np.float32) for i, key in enumerate(ids)}


def write_arks(folder, arrays):
    with ArkWriter(folder / "e.ark") as ark:
        for key, array in arrays.items():
            ark.write(key, array)
    write_table(folder / "e.scp", ark.scp)


@pytest.fixture(params=["vectors", "segments"])
def setup(request, tmp_path):
    """Folder, embeddings of trials and cohort."""
    actual = []
    for name, utt2spk in (("set", UTT2SPK), ("cohort", COHORT)):
        arrays = embeddings(utt2spk, request.param == "segments")
        (tmp_path / name).mkdir()
        write_arks(tmp_path / name, arrays)
        write_table(tmp_path / name / "utt2spk", utt2spk)
        actual.append({key: np.atleast_2d(array).astype(float) for key, array in arrays.items()})
    return tmp_path, *actual, request.param == "segments"


def list_trials(folder, models):
    """All pairs of a model (or utterance) and an utterance that is none of its own -> the table's path or None."""
    sides = MODELS if models else {utt: [utt] for utt in UTT2SPK}
    label = {True: "target", False: "nontarget"}
    lines = [
        f"{side} {utt} {label[UTT2SPK[utts[0]] == UTT2SPK[utt]]}\n"
        for side, utts in sides.items()
        for utt in UTT2SPK
        if utt not in utts
    ]
    (folder / "trials").write_text("".join(lines))
    if models:
        write_enroll2utt(folder / "enroll2utt", MODELS)
    return sides, folder / "enroll2utt" if models else None


def unit_rows(arrays, utts):
    rows = np.concatenate([arrays[utt] for utt in utts])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def brute(a, b, scoring):
    """Score of two stacks of unit rows."""
    if scoring == "neg_euclidean":
        return -np.mean([[np.linalg.norm(x - y) for y in b] for x in a])
    if scoring == "mean_cosine":
        return np.mean([[x @ y for y in b] for x in a])
    a, b = a.mean(0), b.mean(0)
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def brute_as_norm(score, a, b, cohort, scoring, top):
    """The textbook's way, a cohort speaker at a time."""
    if scoring == "cosine":  # sides of length 1
        a, b, cohort = ([x.mean(0, keepdims=True) for x in xs] for xs in ([a], [b], cohort))
        a, b, cohort = ([x / np.linalg.norm(x) for x in xs] for xs in (a, b, cohort))
        (a,), (b,) = a, b
    parts = []
    for side in (a, b):
        best = sorted((brute(side, other, "mean_cosine") for other in cohort), reverse=True)[:top]
        parts.append((score - np.mean(best)) / np.std(best))
    return np.mean(parts)


WAYS = [(s, n) for s in ("cosine", "mean_cosine") for n in ("none", "as_norm", "s_norm")] + [("neg_euclidean", "none")]
KINDS = [(kind, *way) for kind in ("vectors", "segments") for way in WAYS if (kind, way[0]) != ("segments", "cosine")]


@pytest.mark.parametrize("models", [False, True])
@pytest.mark.parametrize(("setup", "scoring", "score_norm"), KINDS, indirect=["setup"])
def test_scores_against_brute_force(setup, models, scoring, score_norm):
    folder, arrays, cohort_arrays, segments = setup
    sides, table = list_trials(folder, models)
    actual = load_trials(folder / "trials", folder / "set/utt2spk", table)
    cohort = None
    if score_norm != "none":
        cohort = load_cohort(folder / "cohort/e.scp", folder / "cohort/utt2spk", scoring)
    scores, facts = trial_scores(actual, folder / "set/e.scp", scoring, score_norm, cohort, 4)
    speakers = [
        unit_rows(cohort_arrays, [u for u in COHORT if COHORT[u] == spk]) for spk in sorted(set(COHORT.values()))
    ]
    expected = []
    for side, utt in actual.trials.pairs():
        a, b = unit_rows(arrays, sides[side]), unit_rows(arrays, [utt])
        score = brute(a, b, scoring)
        if score_norm != "none":
            score = brute_as_norm(score, a, b, speakers, scoring, 4 if score_norm == "as_norm" else None)
        expected.append(score)
    assert scores == pytest.approx(np.array(expected), abs=2e-4)
    assert facts["scoring"] == scoring
    assert facts.get("enrolment") == ("3 utterances" if models else None)
    if score_norm == "as_norm":
        assert (facts["top_n"], facts["cohort"]) == (4, "6 speakers")
    if segments:
        assert facts["segments"] == "1-4 segments"


def test_speakers_of_the_sides(setup):
    folder, *_ = setup
    _, table = list_trials(folder, True)
    actual = load_trials(folder / "trials", folder / "set/utt2spk", table)
    enroll, test = actual.speaker_pairs()
    assert actual.speakers == ["s0", "s1", "s2", "s3", "s4"]
    assert ((enroll == test) == actual.trials.is_target).all()


def test_a_cohort_of_utterances_and_one_that_is_too_small(setup, tmp_path):
    folder, _, _, segments = setup
    scoring = "mean_cosine" if segments else "cosine"
    assert len(load_cohort(folder / "cohort/e.scp", None, scoring).vectors) == len(COHORT)
    write_table(folder / "cohort/utt2spk", dict.fromkeys(COHORT, "c0"))
    with pytest.raises(InputError, match="a cohort has two speakers at least, some hundred are good; it has 1"):
        load_cohort(folder / "cohort/e.scp", folder / "cohort/utt2spk", scoring)


def scored(folder, scoring, score_norm="none", top_n=3):
    _, table = list_trials(folder, False)
    actual = load_trials(folder / "trials", folder / "set/utt2spk", table)
    cohort = load_cohort(folder / "cohort/e.scp", folder / "cohort/utt2spk", scoring) if score_norm != "none" else None
    return trial_scores(actual, folder / "set/e.scp", scoring, score_norm, cohort, top_n)


def test_what_cannot_be_scored_is_said(setup):
    folder, arrays, _, segments = setup
    if segments:
        with pytest.raises(
            InputError, match="holds matrices, not vectors; .*mean_cosine or neg_euclidean is for segments"
        ):
            scored(folder, "cosine")
    write_arks(folder / "set", {k: a * (k != "s1-1") for k, a in arrays.items()})
    with pytest.raises(InputError, match="the embedding is all zero for s1-1;"):
        scored(folder, "mean_cosine")


def test_a_cohort_of_another_model(setup):
    folder, *_ = setup
    write_arks(folder / "cohort", {key: np.ones((1, 3)) for key in COHORT})
    with pytest.raises(InputError, match="--cohort: its embeddings have 3 values, the trials' 6"):
        scored(folder, "mean_cosine", "as_norm")


def test_a_cohort_whose_speakers_are_all_alike(setup):
    folder, *_ = setup
    write_arks(folder / "cohort", {key: np.ones((1, 6)) for key in COHORT})
    with pytest.raises(InputError, match="--cohort: some cohort scores do not differ"):
        scored(folder, "mean_cosine", "as_norm")


def test_a_small_cohort_and_one_of_the_trials_speakers_are_warned_of(setup, caplog):
    folder, *_ = setup
    write_table(folder / "cohort/utt2spk", {utt: spk.replace("c3", "s3") for utt, spk in COHORT.items()})
    _, facts = scored(folder, "mean_cosine", "as_norm", top_n=300)
    assert facts["top_n"] == 6
    assert "has 6 speakers, fewer than --top_n 300; all count" in caplog.text
    assert "cohort: 1 of its speakers" in caplog.text


@pytest.mark.parametrize(
    ("way", "message"),
    [
        (("neg_euclidean", "as_norm", "c.scp"), "cannot be used with --scoring neg_euclidean"),
        (("cosine", "as_norm", None), "use it together with --cohort, or neither"),
        (("cosine", "none", "c.scp"), "use it together with --cohort, or neither"),
    ],
)
def test_ways_that_have_no_meaning(way, message):
    with pytest.raises(InputError, match=message):
        check_scoring(*way)


def test_scoring_imports_no_torch():
    programs = "toolkit.bin.score_trials, toolkit.bin.compare_trials, toolkit.bin.calibrate_scores"
    code = f"import sys, {programs}; sys.exit(any(m in sys.modules for m in ('torch', 'scipy', 'matplotlib')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
