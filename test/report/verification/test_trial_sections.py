import json
from dataclasses import replace

import numpy as np
import pytest

from toolkit.bin.report import main
from toolkit.io.bootstrap_store import write_samples
from toolkit.metrics.statistics.bootstrap import Resamples
from toolkit.metrics.statistics.paired import paired_difference
from toolkit.report.bootstrap_samples import average_interval, difference, resamples_of
from toolkit.report.comparison import compare_trials, comparison_section
from toolkit.report.markdown import section_markdown
from toolkit.report.origin import scoring_method
from toolkit.report.summaries import Estimate, Experiment, Grouping, SetSummary, Summary
from toolkit.report.verification.trial_results import collect
from toolkit.report.verification.trial_sections import calibration, groups, sections

CONDITIONS = [
    ("test", "clean", None),
    ("test_babble_0", "babble", 0),
    ("test_ood_0", "ood", 0),
    ("test_ood_5", "ood", 5),
]
NAMES = ("eer", "min_dcf_0.01", "min_dcf_0.05")


def draws_of(seed, place):
    rng = np.random.default_rng([seed, place])
    return {name: 0.1 + 0.01 * seed + 0.02 * place + 0.01 * rng.normal(size=40) for name in NAMES}


def write_experiment(path, seed, trials="t", speakers="s", **more):
    """Scores of all conditions with draws; value = mean of the draws, in the units of metrics.json."""
    for place, (name, noise, snr) in enumerate(CONDITIONS):
        draws = draws_of(seed, place)
        metrics = {}
        for metric, values in draws.items():
            scale = 100 if metric == "eer" else 1
            metrics[metric] = {"value": scale * float(values.mean()), "low": 0.0, "high": 50.0}
        content = {
            "set": name,
            "condition": {"noise": noise, "snr": snr},
            "n_target": 100,
            "n_nontarget": 1000,
            "n_speakers": 30,
            "metrics": metrics,
            "det": {"fpr": [1, 0], "fnr": [0, 1]},
            "bootstrap": {"resamples": 40, "level": 0.9, "unit": "speaker", "seed": 0, "method": "m"},
        }
        folder = path / "scores" / name
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(content | more))
        identity = {"trials": trials + name, "speakers": speakers, "seed": 0, "resamples": 40}
        write_samples(folder / "draws.npz", draws, identity)
    return collect(path)


@pytest.fixture
def experiments(tmp_path):
    return [write_experiment(tmp_path / name, seed) for seed, name in enumerate(("ours", "other"))]


def mean_draws(seed, places):
    draws = np.mean([100 * draws_of(seed, place)["eer"].astype(np.float32) for place in places], axis=0)
    return np.mean([100 * draws_of(seed, place)["eer"].mean() for place in places]), draws


def test_draws_come_with_values_of_their_unit_and_their_speakers(experiments):
    actual, identity = resamples_of(experiments[0].sets[0])
    assert actual.speakers == dict.fromkeys(NAMES, 30)
    assert resamples_of(replace(experiments[0].sets[0], interval_speakers=5))[0].speakers["eer"] == 5
    assert actual.samples["eer"].mean() == pytest.approx(actual.values["eer"], rel=1e-5)
    assert identity["trials"] == "ttest"


def test_interval_of_the_mean_over_conditions(experiments):
    value, draws = mean_draws(0, [0, 1])
    _, *expected = Resamples({"eer": value / 100}, {"eer": draws / 100}, {"eer": 30}).intervals(0.9)["eer"]
    actual = average_interval(experiments[0].sets[:2], "eer")
    assert actual == pytest.approx(100 * np.array(expected), rel=1e-5)


def test_no_interval_where_speakers_or_draws_differ(experiments, tmp_path):
    strange = write_experiment(tmp_path / "strange", 2, speakers="other")
    sets = experiments[0].sets
    assert average_interval([sets[0], strange.sets[1]], "eer") is None
    (tmp_path / "ours/scores/test/draws.npz").unlink()
    assert average_interval(sets[:2], "eer") is None
    assert average_interval([SetSummary({})], "eer") is None


def test_difference_of_means_is_paired(experiments):
    ours, theirs = (mean_draws(seed, [2, 3]) for seed in (0, 1))
    expected = paired_difference(ours[0], theirs[0], ours[1], theirs[1], 0.9, speakers=30)
    actual = difference(*([one.sets[2], one.sets[3]] for one in experiments))
    assert actual["eer"] == pytest.approx(expected, rel=1e-4)


def cells(table, start):
    line = next(line for line in table.splitlines() if line.startswith(start))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_comparison_with_the_first(experiments, tmp_path):
    apart = write_experiment(tmp_path / "apart", 3, trials="other")
    first, *others = [*experiments, apart]
    compared = [compare_trials(first, one, ["ood"]) for one in others]
    text = section_markdown(comparison_section(first.name, compared, NAMES))
    assert text.startswith("## Compared with ours\n")
    clean = difference(*([one.sets[0]] for one in experiments))["eer"]
    interval = f"{clean.value:+.2f} [{clean.low:+.2f}, {clean.high:+.2f}]"
    assert cells(text, "| other | clean |")[2:4] == [interval, f"{clean.p:.2g}"]
    mean = difference(*([one.sets[0], one.sets[1]] for one in experiments))["eer"]
    assert cells(text, "| other | Avg. |")[2].startswith(f"{mean.value:+.2f} [")
    assert cells(text, "| other | Avg., out of domain |")[3] != "-"
    assert not compared[1].differences
    assert "Not compared, apart: " in text
    assert "| apart |" not in text


def test_nothing_to_compare(experiments):
    assert comparison_section("ours", [], NAMES) is None
    assert sections(experiments[:1], []) == []


def test_calibration_table(tmp_path):
    metric = Estimate(0.25, 0.2, 0.3125)
    names = ("act_dcf_0.01", "act_dcf_0.05", "cllr", "min_cllr")
    fit = {"scale": 20.0, "offset": -8.5, "p_target": 0.05, "scores": ["dev/scores.txt"]}
    one = SetSummary(dict.fromkeys(names, metric), name="test", calibration=fit)
    plain = SetSummary({}, name="plain")
    text = section_markdown(calibration([Experiment([one, plain], name="e")]))
    assert cells(text, "| e | test |")[2:] == ["0.250 [0.200, 0.312]"] * 4
    assert "e: llr = 20 * score -8.5 (prior 0.05, by dev/scores.txt)" in text
    assert "plain" not in text
    assert calibration([Experiment([plain], name="e")]) is None


def test_groups_of_trials():
    counts = {"n_speakers": 4, "n_target": 1500, "n_nontarget": 60}
    known = Summary(dict.fromkeys(NAMES, Estimate(12.345, 10.0, 15.0)), **counts, note="few trials")
    by_gender = {"f": known, "m": Summary({}, **counts, note="no target trials")}
    by = Grouping(by_gender, {"n_target": 0, "n_nontarget": 77})
    other = SetSummary({}, name="other")
    actual = SetSummary({}, name="test", breakdown={"gender": by})
    text = section_markdown(groups([Experiment([actual, other], name="e")]))
    row = cells(text, "| e | test | gender | f |")
    assert row[4] == "12.35 [10.00, 15.00]" or row[4] == "12.34 [10.00, 15.00]"
    assert row[7:] == ["4", "1,500", "60", "few trials"]
    assert cells(text, "| e | test | gender | m |")[4:] == ["-", "-", "-", "4", "1,500", "60", "no target trials"]
    assert cells(text, "| e | test | gender | left out")[8:10] == ["0", "77"]
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1
    assert groups([Experiment([other], name="e")]) is None


def test_scoring_is_said():
    plain = {"scoring": "cosine", "score_norm": "none"}
    cohort = {"score_norm": "as_norm", "cohort": "80 speakers", "top_n": 50}
    facts = {"scoring": "mean_cosine", "segments": "10 segments", "enrolment": "3 utterances"} | cohort
    one, two = (Experiment([SetSummary({}, scoring=way)], name=name) for name, way in (("a", plain), ("b", facts)))
    assert scoring_method([one, one]) == "Scores: cosine."
    text = "mean_cosine of 10 segments, enrolment by 3 utterances, as_norm by the highest 50 of 80 speakers"
    assert scoring_method([two]) == f"Scores: {text}."
    assert scoring_method([one, two]) == f"Scores: cosine (a); {text} (b)."
    assert scoring_method([Experiment([SetSummary({})], name="old")]) == ""


def test_the_page_holds_them(experiments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["--expdir", "ours", "--compare", "other", "--ood", "ood", "--recipe_results", "RESULTS.md"])
    for page in ("ours/RESULTS.md", "RESULTS.md"):
        text = (tmp_path / page).read_text()
        assert "## Compared with ours" in text
        low, high = average_interval(experiments[0].sets[:2], "eer")
        assert f"{mean_draws(0, [0, 1])[0]:.2f} [{low:.2f}, {high:.2f}] |" in text
