"""Masked prediction: it learns, resumes exactly, is packed and used by losses, probes and second units; faults."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
import yaml
from helpers.fake_gpu import check_training_step
from helpers.songs import write_songs

from toolkit import SSLEncoder
from toolkit.bin import cluster_frames, predict_units, score_units, statistics, train, train_units
from toolkit.io.command_line import run
from toolkit.io.datadir import read_table
from toolkit.io.jobs import merge, write_work
from toolkit.losses.enhancement.ssl_mse import SSLMSE
from toolkit.models.ssl.weighted_layers import SSLFeatures
from toolkit.systems.packing import pack
from toolkit.systems.recognizer import Recognizer
from toolkit.systems.trained_ssl import TrainedSSL
from toolkit.systems.unit_file import read_units
from toolkit.tasks.representation.held_out_speech import HeldOutSpeech, perplexity
from toolkit.train.checkpoint import load


def validations(expdir) -> list[dict]:
    records = [json.loads(line) for line in (expdir / "metrics.jsonl").read_text().splitlines()]
    return [record for record in records if record["kind"] == "valid"]


@pytest.fixture(scope="module")
def learnt(words, tmp_path_factory):
    """An experiment, to be read."""
    expdir = tmp_path_factory.mktemp("learnt")
    train.main([*words, "--expdir", str(expdir), "--trainer.epochs", "6", "--batches.init_args.repeats", "2"])
    return expdir


def test_masked_units_of_new_songs_are_predicted_above_chance(learnt, songs):
    """Chance is to say the most frequent unit always."""
    units, counts = read_units(songs / "units.safetensors"), np.zeros(8)
    for batch in HeldOutSpeech(songs / "dev", 16000).batches(SSLEncoder.load(learnt).network, "cpu"):
        labels, frames = units(batch["spk1"], batch["lengths"])
        for row, count in zip(labels, frames, strict=True):
            counts += np.bincount(row[:count], minlength=8)
    best = min(validations(learnt), key=lambda record: record["loss"])
    assert best["accuracy"] > 100 * counts.max() / counts.sum() + 10
    shares = counts[counts > 0] / counts.sum()
    assert best["perplexity"] == pytest.approx(math.exp(-(shares * np.log(shares)).sum()), rel=1e-4)
    assert perplexity(torch.tensor([5, 5, 0, 5])) == pytest.approx(3)


def test_a_training_step_on_a_fake_gpu(words, tmp_path, monkeypatch):
    check_training_step(monkeypatch, lambda: train.main([*words, "--expdir", str(tmp_path / "exp")]))


def test_two_epochs_are_one_and_one(words, tmp_path):
    """Masks, crops and noises of the second epoch are the same."""
    train.main([*words, "--expdir", str(tmp_path / "whole")])
    train.main([*words, "--expdir", str(tmp_path / "parts"), "--trainer.epochs", "1"])
    train.main([*words, "--expdir", str(tmp_path / "parts")])
    whole, parts = (load(tmp_path / name / "checkpoint/last.pt")["task"] for name in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    assert not any("units" in key or "centroids" in key for key in whole)


def test_programs_of_stages_5_7_and_8(learnt, words, songs, tmp_path):
    """What they predict is what the network says of one utterance, with the mask of its id."""
    statistics.main([*words, "--output", str(tmp_path / "stats")])
    assert "level_db" in json.loads((tmp_path / "stats/stats.json").read_text())
    write_work(tmp_path / "work", songs, ["dev"])
    roots = ["--in_root", str(songs), "--out_root", str(tmp_path / "out"), "--units", str(songs / "units.safetensors")]
    predict_units.main(["--model", str(learnt), *roots, "--work", str(tmp_path / "work"), "--job", "1"])
    merge(songs, tmp_path / "out", "dev", 1, [])
    targets, predicted = (read_table(tmp_path / f"out/dev/utt2{name}") for name in ("units", "predicted"))
    network, accuracies = SSLEncoder.load(learnt).network, []
    for key in targets:
        (batch,) = HeldOutSpeech(songs / "dev", 16000, only=[key]).batches(network, "cpu")
        with torch.no_grad():
            outputs = network.training_outputs(batch)
        guesses, mask = outputs["logits"][0].argmax(1).tolist(), outputs["mask"][0].tolist()
        assert predicted[key].split() == [str(g) if m else "-" for g, m in zip(guesses, mask, strict=True)]
        pairs = [(t, g) for t, g in zip(targets[key].split(), predicted[key].split(), strict=True) if g != "-"]
        accuracies.append(np.mean([t == g for t, g in pairs]))
    words = ["--in_root", str(tmp_path / "out"), "--ref_root", str(songs), "--sets", "dev"]
    score_units.main([*words, "--out_root", str(tmp_path / "scores"), "--resamples", "20"])
    result = json.loads((tmp_path / "scores/dev/result.json").read_text())
    assert result["metrics"]["unit_accuracy"]["value"] == pytest.approx(100 * np.mean(accuracies))
    (tmp_path / "out/dev/utt2predicted").write_text("".join(f"{key} 1 -\n" for key in targets))
    assert run(score_units.main, [*words, "--out_root", str(tmp_path / "scores")]) == 1


def test_files_and_packages_agree(learnt, songs, tmp_path):
    pack(learnt, tmp_path / "packed.zip")
    file = str(songs / "train/audio/s0-u00.wav")
    ours, theirs = (SSLEncoder.load(path).extract(file) for path in (learnt, tmp_path / "packed.zip"))
    assert [state.shape for state in ours] == [ours[0].shape] * 3
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert "2, 32 per frame, 8 units" in str(SSLEncoder.load(learnt))


def test_a_loss_and_a_front_end_read_the_experiment(learnt):
    """Alike in every run, whatever the generator has drawn; frozen."""
    wav, clean = torch.randn(2, 1, 4000)
    values = [SSLMSE(TrainedSSL(str(learnt))).compare(wav, clean).item() for _ in range(2)]
    assert values[0] == values[1] > 0
    weights = SSLEncoder.load(learnt).network.state_dict()
    features = SSLFeatures(TrainedSSL(str(learnt)))
    features(wav)
    assert all(torch.equal(weights[key], value) for key, value in features.ssl.state_dict().items())


def test_a_probe_needs_the_experiment_only_in_training(learnt, tmp_path):
    """Loaded after the experiment has moved; packed without it."""
    write_songs(tmp_path / "train", 4, 0)
    train_units.main(["--output", str(tmp_path / "char.model"), str(tmp_path / "train")])
    shutil.copytree(learnt, tmp_path / "exp/ssl_one")
    ssl = {"class_path": "TrainedSSL", "init_args": {"system": str(tmp_path / "exp/ssl_one")}}
    config = {
        "task": "asr",
        "frontend": {"class_path": "SSLFeatures", "init_args": {"ssl": ssl}},
        "normalize": "none",
        "model": {"class_path": "BlstmCtc", "init_args": {"num_units": 12, "n_mels": 32, "projection": 8, "hidden": 8}},
        "loss": {"class_path": "CTCAttention", "init_args": {"ctc_weight": 1.0}},
        "batches": {"class_path": "BucketBatches", "init_args": {"max_size": 2}},
        "trainer": {"epochs": 1, "workers": 0, "threads": 1},
    }
    (tmp_path / "probe.yaml").write_text(yaml.safe_dump(config))
    words = ["asr", "--config", str(tmp_path / "probe.yaml"), "--units", str(tmp_path / "char.model")]
    dirs = ["--train_dir", str(tmp_path / "train"), "--valid_dirs", f"[{tmp_path / 'train'}]"]
    train.main([*words, *dirs, "--expdir", str(tmp_path / "probe")])
    pack(tmp_path / "probe", tmp_path / "packed.zip")
    file, search = str(tmp_path / "train/audio/s0-u00.wav"), {"method": "ctc_greedy"}
    text = Recognizer.load(tmp_path / "probe").transcribe(file, **search)
    shutil.rmtree(tmp_path / "exp")
    assert Recognizer.load(tmp_path / "packed.zip").transcribe(file, **search) == text


def test_second_units_are_of_a_layer_of_the_first_network(learnt, words, songs, tmp_path):
    """And are refused once that network has other weights."""
    first = shutil.copytree(learnt, tmp_path / "first")
    units = tmp_path / "units.safetensors"
    options = ["--system", str(first), "--layer", "1", "--clusters", "6", "--output", str(units), "--restarts", "2"]
    cluster_frames.main([*options, str(songs / "train")])
    again = units.read_bytes()
    cluster_frames.main([*options, str(songs / "train")])
    assert units.read_bytes() == again
    more = ["--units", str(units), "--model.init_args.num_clusters", "6", "--trainer.epochs", "1"]
    train.main([*words, *more, "--expdir", str(tmp_path / "second")])
    assert validations(tmp_path / "second")[0]["perplexity"] > 2
    state = read_units(units)(torch.randn(1, 8000))[0]
    centroids, layer = read_units(units).centroids, SSLEncoder.load(first).network.eval()
    assert state.shape == (1, layer.num_frames(8000))
    assert centroids.shape == (6, 32)
    with open(first / SSLEncoder.weights, "ab") as handle:
        handle.write(b"0")
    assert run(train.main, [*words, *more, "--expdir", str(tmp_path / "third")]) == 1
    assert not (tmp_path / "third/config.yaml").exists()


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--units", "none.safetensors"], "--units"),
        (["--model.init_args.num_clusters", "9"], "num_clusters 9"),
        (["--model.init_args.subsampling", "4"], "--hop_ms"),
        (["--data", "FeatureDataset"], "MixtureDataset"),
        (["--loss", "SlotCrossEntropy"], "MaskedPrediction"),
        (["--loss.init_args.masked_weight", "2"], "masked_weight"),
        (["--model.init_args.heads", "5"], "heads 5"),
    ],
)
def test_faults_are_named(words, more, named, tmp_path, capsys):
    assert run(train.main, [*words, "--expdir", str(tmp_path / "exp"), *more]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert named in message, message
    assert not (tmp_path / "exp/config.yaml").exists()
