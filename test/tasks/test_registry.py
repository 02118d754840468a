"""Kinds of tasks: those of the toolkit, and one from outside, which needs no file of it changed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.io.config import load_config
from toolkit.io.errors import InputError
from toolkit.tasks import registry
from toolkit.tasks.base import Task

OUTSIDE = Path(__file__).parent / "outside"


@pytest.mark.parametrize("name", ["sv", "se", "tse", "ee", "asr", "ic", "ssl"])
def test_parts_of_our_tasks_can_be_had(name):
    spec = registry.get(name)
    assert issubclass(spec.load("task"), Task)
    assert spec.load("system").task == name
    assert callable(spec.load("infer").main)
    assert callable(spec.load("score").main)
    assert callable(spec.load("report").write)
    assert callable(spec.load("report").add_arguments)


def test_an_unknown_task_is_named_with_the_nearest():
    for name, near in (("tsee", "tse"), ("SV", "sv"), ("Tse", "tse")):
        with pytest.raises(InputError, match=rf"task {name}: unknown, did you mean {near}\?"):
            registry.get(name)
    with pytest.raises(InputError, match="task no_such:SPEC: cannot be imported"):
        registry.get("no_such:SPEC")
    with pytest.raises(InputError, match="json:dumps: must be a TaskSpec, is function"):
        registry.get("json:dumps")
    with pytest.raises(InputError, match="task sv: is registered already"):
        registry.register(registry.TaskSpec("sv", "", "", "", "", ""))


@pytest.mark.parametrize(
    ("words", "name", "rest"),
    [
        (["tse", "--seed", "1"], "tse", ["--seed", "1"]),
        (["--task", "se"], "se", ["--task", "se"]),
        (["--config", "c.yaml"], "tse", ["--config", "c.yaml"]),
        (["--model", "exp"], "se", ["--model", "exp"]),
    ],
)
def test_a_command_line_names_its_task(words, name, rest, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text("task: tse\n")
    Path("exp").mkdir()
    Path("exp/config.yaml").write_text("model: {class_path: toolkit.models.se.conv_tasnet.ConvTasNet}\n")
    spec, others = registry.of_command_line(words, "")
    assert (spec.name, others) == (name, rest)
    with pytest.raises(InputError, match="must name the kind of task: sv, se, tse"):
        registry.of_command_line(["--seed", "1"], "")
    with pytest.raises(InputError, match="--expdir"):
        registry.of_command_line(["--expdir", "--seed", "1"], "")


@pytest.fixture
def run(python):
    """Run a program, as a process; returns what it says."""

    def call(*words: str, code: int = 0) -> str:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(OUTSIDE), *sys.path])}
        done = subprocess.run([python, "-m", *words], env=environment, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return done.stderr

    return call


def test_a_task_from_outside_goes_all_the_way(run, corpus, tmp_path):
    """Its levels are those of the audio to a few tenths of a dB, since it can learn the crest factor of a voice."""
    exp, dev = tmp_path / "exp", corpus / "raw/dev"
    words = ["--train_dir", str(corpus / "raw/train"), "--trainer.workers", "0"]
    run("toolkit.bin.statistics", "loudness:SPEC", *words, "--output", str(tmp_path / "stats"))
    words += ["--valid_dirs", f"[{dev}]", "--expdir", str(exp), "--trainer.epochs", "3"]
    run("toolkit.bin.train", "loudness:SPEC", *words)
    assert load_config(exp / "config.yaml")["task"] == "loudness:SPEC"
    infer = ["toolkit.bin.infer", "--model", str(exp), "--data", str(dev), "--output", str(tmp_path / "out")]
    assert "--trust" in run(*infer, code=1)
    run(*infer, "--trust")
    scores = ["--data", str(dev), "--outputs", str(tmp_path / "out"), "--output", str(tmp_path / "scores.json")]
    run("toolkit.bin.score", "loudness:SPEC", *scores)
    error = json.loads((tmp_path / "scores.json").read_text())["mean_error"]
    assert error < 3
    run("toolkit.bin.report", "--expdir", str(exp), "--trust", "--scores", str(tmp_path / "scores.json"))
    assert (exp / "RESULTS.md").read_text() == f"mean error {error:.3f} dB\n"
    run("toolkit.bin.pack", "--expdir", str(exp), "--output", str(tmp_path / "packed.zip"), "--trust")
    again = [
        "--model",
        str(tmp_path / "packed.zip"),
        "--data",
        str(dev),
        "--output",
        str(tmp_path / "again"),
        "--trust",
    ]
    run("toolkit.bin.infer", "loudness:SPEC", *again)
    assert (tmp_path / "again/utt2level").read_text() == (tmp_path / "out/utt2level").read_text()
