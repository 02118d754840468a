"""Intent classification: it learns orders by heart, resumes exactly, is packed, and its faults are named."""

import json
import shutil

import pytest
import torch
import yaml
from helpers.fake_gpu import check_training_step

from toolkit.bin import classify_intents, statistics, train
from toolkit.io.command_line import run
from toolkit.io.datadir import read_table, write_table
from toolkit.io.jobs import write_work
from toolkit.systems.intent_recognizer import IntentRecognizer
from toolkit.systems.packing import pack
from toolkit.train.checkpoint import load


@pytest.fixture(scope="module")
def learnt(words, orders, tmp_path_factory):
    """An experiment validated on what it was trained on, to be read."""
    expdir = tmp_path_factory.mktemp("learnt")
    more = ["--trainer.epochs", "60", "--valid_dirs", f"[{orders / 'train'}]"]
    train.main([*words, *more, "--expdir", str(expdir)])
    return expdir


def test_it_learns_first_words_by_heart(learnt):
    """A mean over time tells which words there are, and not all of their order: more than chance, 1 in 20."""
    records = [json.loads(line) for line in (learnt / "metrics.jsonl").read_text().splitlines()]
    valid = [record for record in records if record["kind"] == "valid"]
    assert max(record["accuracy"] for record in valid) >= 50
    assert all(record["accuracy"] <= record["slot_accuracy"] for record in valid)


def test_a_training_step_on_a_fake_gpu(words, orders, tmp_path, monkeypatch):
    check_training_step(
        monkeypatch,
        lambda: train.main([*words, "--valid_dirs", f"[{orders / 'dev'}]", "--expdir", str(tmp_path / "exp")]),
    )


def test_files_sets_and_packages_agree(learnt, orders, tmp_path, capsys):
    """The program of stage 7, one by one and in batches, and a packed system without its experiment."""
    write_work(tmp_path / "work", orders, ["train"])
    roots = ["--in_root", str(orders), "--out_root", str(tmp_path / "out")]
    classify_intents.main(["--model", str(learnt), *roots, "--work", str(tmp_path / "work"), "--job", "1"])
    table = read_table(tmp_path / "out/train/.jobs/1/utt2intent")
    assert table.keys() == read_table(orders / "train/utt2intent").keys()
    capsys.readouterr()
    file = str(orders / "train/audio/s0-u00.wav")
    classify_intents.main(["--model", str(learnt), "--input", file])
    assert capsys.readouterr().out == table["s0-u00"] + "\n"
    pack(learnt, tmp_path / "packed.zip")
    system = IntentRecognizer.load(tmp_path / "packed.zip")
    assert " ".join(f"{slot}={value}" for slot, value in system.classify(file).items()) == table["s0-u00"]
    assert "MeanPoolIntent" in str(system)


def test_a_probe_on_layers_and_two_epochs_are_one_and_one(words, orders, corpus, tmp_path):
    """On noisy orders, of a tiny SSL model."""
    ssl = {"class_path": "Untrained", "init_args": {"dim": 16, "num_layers": 2}}
    noises = {"noise": {"data": [str(corpus / "raw/noise")], "snr": [-3, 20]}}
    config = {
        "frontend": {"class_path": "SSLFeatures", "init_args": {"ssl": ssl}},
        "model": {"class_path": "MeanPoolIntent", "init_args": {"n_mels": 16}},
        "data": {"class_path": "MixtureDataset", "init_args": {"planner": {"noises": noises}}},
    }
    (tmp_path / "probe.yaml").write_text(yaml.safe_dump({"base": str(orders / "config.yaml"), **config}))
    words = [*words, "--config", str(tmp_path / "probe.yaml")]
    statistics.main([*words, "--output", str(tmp_path / "stats")])
    assert "level_db" in json.loads((tmp_path / "stats/stats.json").read_text())
    words += ["--valid_dirs", f"[{orders / 'dev'}]"]
    train.main([*words, "--expdir", str(tmp_path / "whole")])
    train.main([*words, "--expdir", str(tmp_path / "parts"), "--trainer.epochs", "1"])
    train.main([*words, "--expdir", str(tmp_path / "parts")])
    whole, parts = (load(tmp_path / name / "checkpoint/last.pt")["task"] for name in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    assert whole["network.frontend.layer_logits"].any()


@pytest.mark.parametrize(
    ("change", "more", "named"),
    [
        (lambda path: (path / "utt2intent").unlink(), (), ["train/utt2intent"]),
        ({"s0-u00": "first=LA"}, (), ["s0-u00", "second"]),
        ({"s0-u00": "first=LA second=nome"}, (), ["s0-u00", "second=nome", "did you mean none"]),
        ({"s0-u00": "first=LA first=LA second=LA"}, (), ["s0-u00"]),
        ({"stray": "first=LA second=LA"}, (), ["stray"]),
        (None, ("--batches", "CropBatches"), ["CropBatches", "BucketBatches"]),
        (None, ("--data", "FeatureDataset"), ["MixtureDataset"]),
        (None, ("--model.init_args.slots", "{first: [LA, LA]}"), ["slots.first"]),
        (None, ("--model.init_args.slots", "{first: [LA, 'a b']}"), ["a b"]),
        (None, ("--model.init_args.slots", "{}"), ["slots"]),
        (None, ("--normalize", "cmvn"), ["cmvn"]),
    ],
)
def test_faults_are_named(words, orders, change, more, named, tmp_path, capsys):
    path = shutil.copytree(orders / "train", tmp_path / "train")
    if callable(change):
        change(path)
    elif change:
        write_table(path / "utt2intent", read_table(path / "utt2intent") | change)
    dirs = ["--train_dir", str(path), "--valid_dirs", f"[{orders / 'dev'}]", "--expdir", str(tmp_path / "exp")]
    assert run(train.main, [*words, *dirs, *more]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert all(name in message for name in named), message
    assert not (tmp_path / "exp/config.yaml").exists()


def test_other_intents_are_another_training(words, orders, tmp_path, capsys):
    path = shutil.copytree(orders / "train", tmp_path / "train")
    dirs = ["--train_dir", str(path), "--valid_dirs", f"[{orders / 'dev'}]", "--expdir", str(tmp_path / "exp")]
    train.main([*words, *dirs, "--trainer.epochs", "1"])
    write_table(path / "utt2intent", read_table(path / "utt2intent") | {"s0-u00": "first=LA second=LA"})
    assert run(train.main, [*words, *dirs]) == 1
    assert "utt2intent of training set" in capsys.readouterr().err
