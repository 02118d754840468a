import json
import os
from dataclasses import replace

import pytest

from toolkit.io.errors import InputError
from toolkit.report.verification.trial_results import collect, read_run_log, same_test_sets

METRICS = {
    name: {"value": 2.0, "low": 1.0, "high": 3.0, "unit": unit}
    for name, unit in (("eer", "%"), ("min_dcf_0.01", ""), ("min_dcf_0.05", ""))
}
SET = {
    "condition": {"noise": "clean", "snr": None},
    "n_target": 10,
    "n_nontarget": 20,
    "n_speakers": 5,
    "metrics": METRICS,
    "det": {"fpr": [1, 0], "fnr": [0, 1]},
    "bootstrap": {"resamples": 10, "level": 0.95, "unit": "speaker", "seed": 0, "method": "percentile"},
}


@pytest.fixture
def expdir(tmp_path):
    for name in ("test_b", "test_a"):
        path = tmp_path / "exp/ecapa/scores" / name / "metrics.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"set": name} | SET))
        os.utime(path, (0, 86400 if name == "test_a" else 3600))
    return tmp_path / "exp/ecapa"


def test_sets_by_name(expdir):
    assert [one.name for one in collect(expdir).sets] == ["test_a", "test_b"]


def test_an_experiment_without_training(expdir):
    actual = collect(expdir)
    assert (actual.name, actual.expdir) == ("ecapa", str(expdir))
    assert [actual.config, actual.config_path, actual.commit, actual.seed, actual.train] == [None, None, None, None, {}]
    assert actual.date == "1970-01-02T00:00:00Z"  # of the newest scores


def test_facts_of_the_training(expdir):
    (expdir / "config.yaml").write_text("seed: 3\nmodel: {class_path: x.Y}\n")
    assert collect(expdir).seed == 3
    info = {"seed": 7, "commit": "abc", "date": "2026-01-02T03:04:05Z", "epochs": 2}
    (expdir / "train_info.json").write_text(json.dumps(info))
    actual = collect(expdir)
    assert (actual.seed, actual.commit, actual.date, actual.train) == (7, "abc", info["date"], info)
    assert (actual.config_path, actual.config["model"]) == (str(expdir / "config.yaml"), {"class_path": "x.Y"})


def test_time_of_train_info_where_it_has_no_date(expdir):
    (expdir / "train_info.json").write_text('{"seed": 1}')
    os.utime(expdir / "train_info.json", (0, 60))
    assert collect(expdir).date == "1970-01-01T00:01:00Z"


def test_no_scores(tmp_path):
    with pytest.raises(InputError, match="no scores"):
        collect(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("scores/test_a/metrics.json", "{", "metrics.json: is not valid JSON"),
        ("scores/test_a/metrics.json", "[]", "a mapping of names to values"),
        (
            "scores/test_a/metrics.json",
            json.dumps({"set": "a"} | SET | {"metrics": {"eer": {}}}),
            "metrics.eer.value is missing",
        ),
        ("scores/test_a/metrics.json", json.dumps(SET), "set is missing"),
        ("train_info.json", "no", "train_info.json: is not valid JSON"),
        ("config.yaml", "a: [", "config.yaml: is not valid YAML"),
        ("config.yaml", "- a", "a mapping"),
    ],
)
def test_malformed_files_are_named(expdir, file, content, message):
    (expdir / file).write_text(content)
    with pytest.raises(InputError, match=message):
        collect(expdir)


def write_log(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_run_log_means_by_epoch(tmp_path):
    path = write_log(
        tmp_path / "metrics.jsonl",
        {"kind": "train", "epoch": 2, "step": 30, "loss": 1.0, "lr": 0.1},
        {"kind": "train", "epoch": 1, "step": 10, "loss": 4.0},
        {"kind": "train", "epoch": 1, "step": 20, "loss": 2.0},
        {"kind": "valid", "epoch": 1, "step": 20, "eer": 12.5},
    )
    actual = read_run_log(path)
    assert actual == {"train": {1: {"loss": 3.0}, 2: {"loss": 1.0, "lr": 0.1}}, "valid": {1: {"eer": 12.5}}}
    assert list(actual["train"]) == [1, 2]


def test_a_step_logged_again_after_a_resume_counts_once(tmp_path):
    step = {"kind": "train", "epoch": 1, "step": 10}
    path = write_log(tmp_path / "metrics.jsonl", step | {"loss": 9.0}, step | {"loss": 1.0})
    assert read_run_log(path)["train"] == {1: {"loss": 1.0}}


@pytest.mark.parametrize("line", ["{", "[1]", '{"epoch": 1}', '{"kind": "train", "epoch": "x"}'])
def test_malformed_log_line_is_named(tmp_path, line):
    path = write_log(tmp_path / "metrics.jsonl", {"kind": "train", "epoch": 1, "step": 1, "loss": 1.0})
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InputError, match=r"metrics.jsonl:2: "):
        read_run_log(path)


def test_sets_scored_on_other_trials_than_the_first_experiments_are_left_out(expdir):
    now, old = collect(expdir), collect(expdir)
    old.sets[0] = replace(old.sets[0], n_target=11)
    old.sets.append(replace(old.sets[1], name="test_c"))
    (message,) = same_test_sets([now, old])
    assert "test_a" in message
    assert [one.name for one in now.sets] == ["test_a", "test_b"]
    assert [one.name for one in old.sets] == ["test_b", "test_c"]
