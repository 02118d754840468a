"""Training by a recogniser, of enhancement and extraction: transcripts come from the data dir, and are needed."""

import json
import shutil

import pytest
import torch
import yaml
from conftest import format_sets
from helpers.fake_gpu import check_training_step

from toolkit.bin import simulate_plan, simulate_render, statistics, train
from toolkit.io.command_line import run
from toolkit.io.datadir import read_table, write_table
from toolkit.io.jobs import merge, write_work
from toolkit.train.checkpoint import load

ENHANCER = {"filters": 16, "filter_samples": 32, "bottleneck": 8, "hidden": 16, "blocks": 2, "repeats": 1}
EXTRACTOR = {"window": 64, "hop": 16, "dense_channels": [6, 8], "conv_channels": [10, 12], "dense_depth": 3}
EXTRACTOR |= {"stem_channels": 4, "tcn_layers": 2, "tcn_blocks": 3, "integration_channels": 5, "mix_channels": 6}


@pytest.fixture(scope="module")
def tree(words, songs, corpus, tmp_path_factory):
    """``asr``, a recogniser; ``raw`` with train and dev, its own reference; ``se.yaml``, ``tse.yaml``."""
    root = tmp_path_factory.mktemp("tree")
    dirs = ["--valid_dirs", f"[{songs / 'dev'}]", "--expdir", str(root / "asr")]
    train.main([*words, *dirs, "--trainer.epochs", "1"])
    for name in ("train", "dev"):
        shutil.copytree(songs / name, root / "raw" / name)
    audio = read_table(root / "raw/dev/wav.scp")
    write_table(root / "raw/dev/spk1.scp", audio)
    write_table(root / "raw/dev/enroll_spk1.scp", audio)
    recognizer = {"class_path": "TrainedTranscriber", "init_args": {"system": str(root / "asr")}}
    loss = {"class_path": "ASRLoss", "init_args": {"recognizer": recognizer}}
    config = {
        "loss": {"class_path": "Multitask", "init_args": {"loss": loss, "alpha": 0.1}},
        "batches": {"class_path": "BucketBatches", "init_args": {"max_size": 3}},
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.002}},
        "trainer": {"epochs": 2, "workers": 0, "threads": 1, "keep_best": 1},
    }
    planner = {"planner": {"noises": {"noise": {"data": [str(corpus / "raw/noise")], "snr": [0, 5]}}}}
    for task, model, data in (("se", ("ConvTasNet", ENHANCER), "MixtureDataset"),
                              ("tse", ("SEFPNet", EXTRACTOR | {"fs": 16000}), "ExtractionDataset")):  # fmt: skip
        parts = {"model": dict(zip(("class_path", "init_args"), model, strict=True))}
        parts["data"] = {"class_path": data, "init_args": planner}
        (root / f"{task}.yaml").write_text(yaml.safe_dump({"task": task, **config, **parts}))
    return root


@pytest.fixture
def call(tree, tmp_path):
    """Train on ``raw``, or on its copy that ``change`` has changed; returns the exit status."""

    def train_on(task, change=None, *more):
        raw = tree / "raw"
        if change is not None:
            raw = shutil.copytree(raw, tmp_path / "raw", dirs_exist_ok=True)
            change(raw)
        dirs = ["--train_dir", str(raw / "train"), "--valid_dirs", f"[{raw / 'dev'}]"]
        return run(train.main, [task, "--config", str(tree / f"{task}.yaml"), *dirs, *more])

    return train_on


@pytest.mark.parametrize("task", ["se", "tse"])
def test_a_training_step_on_a_fake_gpu(call, task, tmp_path, monkeypatch):
    check_training_step(monkeypatch, lambda: call(task, None, "--expdir", str(tmp_path / "exp")))


@pytest.mark.parametrize("task", ["se", "tse"])
def test_two_epochs_are_one_and_one(call, task, tmp_path):
    """The terms of both losses are in the log; the recogniser is in no checkpoint, and the same after a restart."""
    assert call(task, None, "--expdir", str(tmp_path / "whole")) == 0
    assert call(task, None, "--expdir", str(tmp_path / "parts"), "--trainer.epochs", "1") == 0
    assert call(task, None, "--expdir", str(tmp_path / "parts")) == 0
    whole, parts = (load(tmp_path / name / "checkpoint/last.pt")["task"] for name in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    assert all(key.startswith("network.") for key in whole)
    records = [json.loads(line) for line in (tmp_path / "whole/metrics.jsonl").read_text().splitlines()]
    terms = {"asr_loss", "ctc", "attention", "snr_loss"}
    assert all(terms <= record.keys() for record in records if record["kind"] in ("train", "valid"))


def test_statistics_read_the_transcripts(tree, tmp_path):
    words = ["se", "--config", str(tree / "se.yaml"), "--train_dir", str(tree / "raw/train")]
    statistics.main([*words, "--output", str(tmp_path)])
    assert json.loads((tmp_path / "stats.json").read_text())["items"] == 12


@pytest.mark.parametrize(
    ("change", "more", "named"),
    [
        (lambda raw: (raw / "train/text").unlink(), (), ["train/text"]),
        (lambda raw: (raw / "dev/text").unlink(), (), ["dev/text"]),
        (lambda raw: (raw / "dev/text").write_text("s0-u00 LA\n"), (), ["dev/text", "s0-u02"]),
        (None, ("--batches", "CropBatches"), ["CropBatches", "BucketBatches"]),
        (None, ("--loss.init_args.loss.init_args.recognizer.init_args.system", "nowhere"), ["nowhere"]),
    ],
)
def test_what_is_missing_is_named(call, change, more, named, tmp_path, capsys):
    assert call("se", change, "--expdir", str(tmp_path / "exp"), *more) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert all(name in message for name in named), message
    assert not (tmp_path / "exp/config.yaml").exists()


def test_other_transcripts_are_another_training(call, tmp_path, capsys):
    expdir = ["--expdir", str(tmp_path / "exp"), "--trainer.epochs", "1"]
    assert call("se", lambda raw: None, *expdir) == 0
    table = read_table(tmp_path / "raw/dev/text") | {"s0-u00": "SO SO"}
    assert call("se", lambda raw: write_table(raw / "dev/text", table), *expdir) == 1
    assert "text of validation set dev" in capsys.readouterr().err


def test_transcripts_and_intents_reach_rendered_mixtures(songs, corpus, tmp_path):
    """Stage 1 to 3: each mixture has those of its target."""
    source = shutil.copytree(songs / "dev", tmp_path / "data/dev")
    texts = read_table(source / "text")
    write_table(source / "utt2intent", {key: f"first={text.split()[0]}" for key, text in texts.items()})
    format_sets(tmp_path, "dev")
    (tmp_path / "c.yaml").write_text(
        f"planner:\n  noises: {{noise: {{data: [{corpus / 'raw/noise'}], snr: [0, 5]}}}}\n"
    )
    words = ["--config", tmp_path / "c.yaml", "--data", tmp_path / "raw/dev", "--out_root", tmp_path / "data"]
    simulate_plan.main([str(word) for word in (*words, "--name", "noisy", "--num_mixtures", "7")])
    write_work(tmp_path / "work", tmp_path / "data", ["noisy"])
    words = ["--in_root", tmp_path / "data", "--out_root", tmp_path / "raw", "--work", tmp_path / "work", "--job", "1"]
    simulate_render.main([str(word) for word in (*words, "--streams", "wav", "spk1")])
    merge(tmp_path / "data", tmp_path / "raw", "noisy", 1, ["wav"])
    mixed, intents = (read_table(tmp_path / "raw/noisy" / name) for name in ("text", "utt2intent"))
    assert len(mixed) == 7
    assert mixed == {key: texts[key.partition("-m")[0]] for key in mixed}
    assert intents == {key: f"first={text.split()[0]}" for key, text in mixed.items()}
