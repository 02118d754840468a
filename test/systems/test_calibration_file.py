import json

import numpy as np
import pytest

from toolkit.bin import calibrate_scores
from toolkit.io.command_line import run
from toolkit.io.errors import InputError
from toolkit.metrics.verification.calibration import fit_calibration
from toolkit.systems.calibration_file import backend_of, load_calibration

BACKEND = {"scoring": "cosine", "score_norm": "none"}


@pytest.fixture
def scored(tmp_path):
    """Two development sets: trials and scores; returns the words that name them and all scores."""
    rng, parts = np.random.default_rng(0), []
    for name in ("dev", "more"):
        labels = rng.random(200) < 0.3
        scores = (labels + rng.normal(size=200)).round(6)
        (tmp_path / name).mkdir()
        rows = list(enumerate(zip(labels, scores, strict=True)))
        trials = [f"e{i} t{i} {'target' if label else 'nontarget'}\n" for i, (label, _) in rows]
        (tmp_path / name / "trials").write_text("".join(trials))
        (tmp_path / name / "scores.txt").write_text("".join(f"e{i} t{i} {score}\n" for i, (_, score) in rows[::-1]))
        parts.append((scores[labels], scores[~labels]))
    words = [word for kind in ("scores.txt", "trials") for word in (f"--{kind.split('.')[0]}", *_paths(tmp_path, kind))]
    return tmp_path, words, [np.concatenate(kind) for kind in zip(*parts, strict=True)]


def _paths(folder, name):
    return [str(folder / one / name) for one in ("dev", "more")]


def test_sets_are_pooled(scored, capsys):
    folder, words, pooled = scored
    calibrate_scores.main([*words, "--p_target", "0.2", "--output", str(folder / "c.json")])
    actual = json.loads((folder / "c.json").read_text())
    assert (actual["scale"], actual["offset"]) == pytest.approx(fit_calibration(*pooled, 0.2), rel=1e-6)
    assert (actual["n_target"], actual["n_nontarget"]) == tuple(map(len, pooled))
    assert actual["way"] is None  # no metrics.json says how the scores were made
    assert f"llr = {actual['scale']:.4g} * score" in capsys.readouterr().out
    calibration, _ = load_calibration(folder / "c.json", BACKEND)
    assert calibration == (actual["scale"], actual["offset"])


def test_way_holds_what_a_calibration_depends_on():
    facts = BACKEND | {"cohort": "9 speakers", "top_n": 5, "segments": "10 segments", "enrolment": "3 utterances"}
    assert backend_of(facts) == BACKEND | {"cohort": "9 speakers", "top_n": 5}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"c.json: no such file; fit it on a development set"),
        ("{", "c.json: is not valid JSON"),
        ("[]", "a mapping of names to values"),
        ('{"scale": 1}', "offset is missing"),
        ('{"scale": "x", "offset": 0}', "scale must be a number"),
        ('{"scale": -1, "offset": 0}', "must not be negative"),
        ('{"scale": NaN, "offset": 0}', "scale must be a number"),
        (
            '{"scale": 1, "offset": 0, "way": {"scoring": "mean_cosine"}}',
            "was fitted on scores made by scoring mean_cosine, these are by scoring cosine, score_norm none",
        ),
    ],
)
def test_files_that_do_not_serve(tmp_path, content, message):
    if content is not None:
        (tmp_path / "c.json").write_text(content)
    with pytest.raises(InputError, match=message):
        load_calibration(tmp_path / "c.json", BACKEND)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--trials", "one"], "--scores names 2 files, --trials 1; give one for each"),
        (["--p_target", "1"], "--p_target 1: must be a number above 0 and below 1"),
        (["--scores", "x", "y"], "x: score file not found"),
    ],
)
def test_wrong_words_are_said_in_a_line(scored, capsys, change, message):
    assert run(calibrate_scores.main, [*scored[1], "--output", "c.json", *change]) == 1
    assert message in capsys.readouterr().err


def test_trials_of_one_kind(scored, capsys):
    folder, words, _ = scored
    for name in ("dev", "more"):
        path = folder / name / "trials"
        path.write_text(path.read_text().replace("nontarget", "target"))
    assert run(calibrate_scores.main, [*words, "--output", "c.json"]) == 1
    assert "calibration needs both" in capsys.readouterr().err
