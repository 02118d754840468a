"""Summaries are read as they were written; experiments keep the order in which a report names them."""

import argparse
import json
from pathlib import Path

import pytest
from helpers.trial_scores import write_metrics

from toolkit.report.collection import collect_all
from toolkit.report.summaries import (
    Condition,
    Estimate,
    Grouping,
    SetSummary,
    Summary,
    estimates,
    metric_of,
    set_of,
    to_json,
    write_summary,
)
from toolkit.report.verification.trial_results import collect

COUNTS = {"n_speakers": 4, "n_target": 12, "n_nontarget": 30}
TRIALS = SetSummary(
    {"eer": Estimate(12.5, 10.0, 15.0, "%"), "min_dcf_0.01": Estimate(0.5)},
    **COUNTS,
    name="test_rain_5",
    condition=Condition("rain", 5),
    test_set="test",
    bootstrap={"resamples": 10, "level": 0.95, "unit": "speaker", "seed": 0, "method": "m"},
    interval_speakers=4,
    n_target_within_session=0,
    breakdown={"gender": Grouping({"f": Summary({}, **COUNTS, note="no target trials")}, {"n_target": 1})},
    det={"fpr": [1.0, 0.0], "fnr": [0.0, 1.0]},
    scoring={"scoring": "cosine"},
)
AUDIO = SetSummary(
    {"si_sdr": Estimate(7.25, None, None, "dB", n=3, undefined={"silent estimate": 1}, infinite={})},
    n_speakers=1,
    n_utterances=4,
    note="few speakers",
    name="test",
    test_set="test",
    variant={"parameter": "observation", "value": 0.5},
)
TEXT = SetSummary({"wer": Estimate(None, unit="%", counts={"length": 0})}, n_utterances=1, name="mine", test_set="mine")


@pytest.mark.parametrize("summary", [TRIALS, AUDIO, TEXT], ids=lambda one: one.name)
def test_a_summary_is_read_as_it_was_written(summary, tmp_path):
    path = tmp_path / "scores" / summary.name / "result.json"
    write_summary(path, summary)
    assert set_of(json.loads(path.read_text())) == summary


def test_scripts_find_the_ends_of_an_interval_and_notes_in_every_file(tmp_path):
    write_summary(tmp_path / "metrics.json", TRIALS)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert (content["set"], content["condition"]) == ("test_rain_5", {"noise": "rain", "snr": 5, "test_set": "test"})
    assert content["metrics"]["min_dcf_0.01"] == {"value": 0.5, "low": None, "high": None, "unit": ""}
    group = content["breakdown"]["gender"]["groups"]["f"]
    assert (group["metrics"], group["note"]) == (None, "no target trials")
    assert not {"variant", "calibration", "n_utterances", "of", "folder"} & set(content)


def test_estimates_are_in_the_unit_of_their_metric():
    nan = float("nan")
    made = estimates({"eer": (0.125, 0.1, 0.15), "wer": (nan, nan, nan), "si_sdri": (2.0, nan, nan)})
    assert (made["eer"].value, made["eer"].low, made["eer"].high) == (12.5, 10, 15)
    assert made["wer"] == Estimate(None, unit="%")
    assert made["si_sdri"] == Estimate(2.0, unit="dB")
    with pytest.raises(KeyError):
        metric_of("magic")


def test_json_has_no_nan():
    assert to_json({"a": [float("nan"), 1.5], "b": Condition("clean", None)}) == {
        "a": [None, 1.5],
        "b": {"noise": "clean", "snr": None},
    }


def test_the_experiment_comes_first_and_once_though_it_is_also_compared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("own", "a", "b"):
        write_metrics(f"exp/{name}", "test", "clean", None, 2.0)
    args = argparse.Namespace(expdir=Path("exp/own"), compare=[Path("exp/b"), Path("exp/../exp/own"), Path("exp/a")])
    assert [results.name for results in collect_all(args, lambda path: [collect(path)])] == ["own", "b", "a"]
