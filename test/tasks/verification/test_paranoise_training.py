"""Training ParaNoise-SV: every term of its loss falls, its streams reach it, it resumes exactly."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from helpers.fake_gpu import check_training_step

from toolkit.bin import train
from toolkit.data.batches import CropBatches
from toolkit.data.collate import load_batches
from toolkit.data.datasets import MixtureDataset
from toolkit.data.item import ItemSpec
from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.io.command_line import run
from toolkit.io.config import load_config
from toolkit.io.errors import InputError
from toolkit.losses.speaker.paranoise import ParaNoiseLoss
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.paranoise import ParaNoise
from toolkit.simulate.planner import MixturePlanner, Noise
from toolkit.tasks.verification.verification_task import VerificationTask
from toolkit.train.checkpoint import load
from toolkit.train.trainer import Trainer

TINY = {"n_mels": 16, "channels": [8, 8, 8, 8], "blocks": [1, 1, 1, 1], "embedding_dim": 8}
PARTS = {"noise", "speech", "initial", "prototype", "margin"}


@pytest.fixture
def words(config, corpus):
    """Command-line words of a training run of a tiny ParaNoise, but for --expdir: an epoch is twelve batches."""
    noises = {
        "noise": {"data": [str(corpus / "raw/noise")], "snr": [10, 20]},
        "babble": {"data": [str(corpus / "raw/train")], "snr": [10, 20], "talkers": [2, 2]},
    }
    values = yaml.safe_load(config.read_text()) | {
        "specaugment": None,
        "frontend": {"class_path": "toolkit.features.log_mel.LogMelSpectrogram", "init_args": {"n_mels": 16}},
        "normalize": "mean_var",
        "model": {"class_path": "toolkit.models.sv.paranoise.ParaNoise", "init_args": TINY},
        "loss": {"class_path": "toolkit.losses.speaker.paranoise.ParaNoiseLoss"},
        "data": {
            "class_path": "toolkit.data.datasets.MixtureDataset",
            "init_args": {"planner": {"noises": noises}, "clean_members": 1},
        },
        "batches": {
            "class_path": "toolkit.data.batches.CropBatches",
            "init_args": {"batch_size": 8, "crop_seconds": [0.4, 0.4], "repeats": 6},
        },
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.01}},
    }
    config.write_text(yaml.safe_dump(values))
    dirs = ["--train_dir", str(corpus / "raw/train"), "--valid_dirs", f"[{corpus / 'raw/dev'}]"]
    return ["--config", str(config), *dirs]


def trained(words, expdir, *more) -> dict:
    """Train, and return the last state."""
    train.main(["sv", *words, "--expdir", str(expdir), *more])
    return load(expdir / "checkpoint/last.pt")


def records(expdir) -> list[dict]:
    lines = (expdir / "metrics.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == "train"]


def test_a_training_step_on_a_fake_gpu(words, tmp_path, monkeypatch):
    check_training_step(monkeypatch, lambda: trained(words, tmp_path / "exp"))


def test_every_part_of_the_loss_falls(words, tmp_path):
    one_long_epoch = ["--trainer.epochs", "1", "--batches.init_args.repeats", "30"]  # validations take their time
    trained(words, tmp_path / "exp", *one_long_epoch, "--trainer.log_seconds", "0")
    steps = records(tmp_path / "exp")
    assert steps[0].keys() > PARTS
    for part in PARTS:
        first, last = (np.mean([record[part] for record in some]) for some in (steps[:12], steps[-12:]))
        assert last < 0.9 * first, part
    for record in steps:
        assert record["loss"] == pytest.approx(sum(record[part] for part in PARTS), rel=1e-4)


ATTRIBUTES = {"--model.init_args.noise": "class+snr", "--model.init_args.noise_classes": "[noise,babble]"}
NONE = {"--model.init_args.noise": "none", "--model.init_args.parallel": "[]"}


@pytest.mark.parametrize(("options", "parts"), [(ATTRIBUTES, PARTS), (NONE, PARTS - {"noise"})])
def test_variants_train_with_their_parts(words, tmp_path, options, parts):
    more = [word for pair in options.items() for word in pair]
    trained(words, tmp_path / "exp", "--trainer.epochs", "2", *more)
    first, *_, last = records(tmp_path / "exp")
    assert PARTS & first.keys() == parts
    assert last["loss"] < first["loss"]
    if "noise" in parts:
        assert last["noise"] < first["noise"]


def test_it_resumes_exactly_from_the_middle_of_an_epoch(words, tmp_path, monkeypatch):
    words += ["--trainer.epochs", "2", "--batches.init_args.repeats", "2"]
    whole = trained(words, tmp_path / "whole")
    step = Trainer._step

    def dying(self, batch):
        if self.step == 6:  # two of four batches of the second epoch
            raise KeyboardInterrupt
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", dying)
        with pytest.raises(KeyboardInterrupt):
            trained(words, tmp_path / "parts", "--trainer.checkpoint_minutes", "0")
    state = load(tmp_path / "parts/checkpoint/last.pt")
    assert (state["epoch"], state["batch"]) == (2, 2)
    again = trained(words, tmp_path / "parts")
    assert whole["task"].keys() == again["task"].keys()
    assert all(torch.equal(whole["task"][key], again["task"][key]) for key in whole["task"])


def task_of(corpus) -> VerificationTask:
    """A task over the corpus whose network is small and whose items are mixtures, every second one clean."""
    frontend = LogMelSpectrogram(n_mels=16)
    model = ParaNoise(16, 8, (8, 8, 8, 8), (1, 1, 1, 1))
    planner = MixturePlanner({"noise": Noise([str(corpus / "raw/noise")], snr=(0, 10))})
    data = MixtureDataset(planner, clean_members=1).open(corpus / "raw/train", 16000, model.streams)
    return VerificationTask(SpeakerEmbedder(frontend, model, "mean_var"), ParaNoiseLoss(), CropBatches(8), data, [])


def batch_of(task: VerificationTask, items, seconds: float | None = None) -> dict:
    """These items as a batch, clean and noisy in turn."""
    draws = [ItemSpec(item, 1, place, seconds, place % 2) for place, item in enumerate(items)]
    return next(load_batches(task.dataset, [draws], 0))


def test_targets_are_the_log_mels_of_speech_and_noise_and_the_input_is_normalised(corpus):
    """What a perfect network would say costs nothing; clean items' noise may be anything."""
    task = task_of(corpus)
    batch, seen, frontend = batch_of(task, [0, 1, 6, 7], 0.4), {}, task.network.frontend

    def perfect(feats, lengths):
        seen["feats"] = feats
        outputs = {"speech": frontend(batch["spk1"])[0], "noise": frontend(batch["noise1"])[0]}
        outputs["noise"][0::2] = 1e3  # clean
        return outputs | {"embedding": torch.randn(4, 8), "initial": torch.randn(4, 8)}

    task.network.model.outputs = perfect
    _, stats = task(batch)
    assert stats["speech"] == stats["noise"] == 0
    assert stats.keys() == PARTS | {"accuracy", "accuracy_initial"}
    mixture = frontend(batch["wav"])[0]
    mean, deviation = mixture.mean(1, keepdim=True), mixture.var(1, correction=0, keepdim=True).add(1e-5).sqrt()
    torch.testing.assert_close(seen["feats"], (mixture - mean) / deviation, atol=1e-3, rtol=1e-3)


def test_padding_of_a_batch_of_whole_utterances_does_not_count(corpus):
    """The error of a padded batch is the mean over its frames: those of each utterance alone, weighted by length."""
    task, items = task_of(corpus).eval(), [0, 1, 6, 7]
    together = task(batch_of(task, items))[1]
    frontend, model = task.network.frontend, task.network.model
    errors = {"speech": [], "noise": []}
    for place, item in enumerate(items):
        held = task.dataset[ItemSpec(item, 1, place, None, place % 2)]
        alone = {stream: torch.from_numpy(held[stream])[None] for stream in model.streams}
        outputs = model.outputs(task.network.normalized(frontend(alone["wav"])[0]))
        errors["speech"].append((outputs["speech"] - frontend(alone["spk1"])[0])[0].square())
        if place % 2:
            errors["noise"].append((outputs["noise"] - frontend(alone["noise1"])[0])[0].square())
    assert len({len(one) for one in errors["speech"]}) > 1
    for name, squares in errors.items():
        assert together[name] == pytest.approx(torch.cat(squares).mean().item(), rel=1e-4)


def test_all_clean_is_refused(words, tmp_path, capsys):
    for more in (["--data.init_args.clean_members", "2"], ["--data.init_args.clean_members", "3"]):
        assert run(train.main, ["sv", *words, "--expdir", str(tmp_path / "exp"), *more]) == 1
        message = capsys.readouterr().err
        assert f"clean_members {more[1]}: all would be clean, the loss takes 2 utterances of a speaker" in message
        assert run(train.main, ["sv", *words, *more, "--check"]) == 1
        assert "all would be clean" in capsys.readouterr().err
    loss = ["--loss.class_path", "toolkit.losses.speaker.margin.AAMSoftmax"]
    assert run(train.main, ["sv", *words, *loss, "--check"]) == 1
    assert "clean_members 1: all would be clean, the loss takes 1 utterances" in capsys.readouterr().err
    assert not (tmp_path / "exp").exists()


def test_a_kind_of_noise_that_the_classifier_does_not_know_is_refused_before_any_work(words, capsys):
    more = ["--model.init_args.noise", "class", "--model.init_args.noise_classes", "[noise,music]", "--check"]
    assert run(train.main, ["sv", *words, *more]) == 1
    assert "noise_classes are noise, music; the mixtures have babble: add it" in capsys.readouterr().err


def test_features_are_refused_before_any_work(words, capsys):
    more = ["--data.class_path", "toolkit.data.datasets.FeatureDataset", "--check"]
    assert run(train.main, ["sv", *words, *more]) == 1
    message = capsys.readouterr().err
    assert "the model trains on wav, spk1, noise1" in message
    assert "MixtureDataset" in message


def test_a_set_without_the_streams_is_refused_by_name(words, corpus, tmp_path):
    more = ["--data.init_args.planner", "null"]
    with pytest.raises(InputError, match=r"raw/train/spk1.scp: no such file.*--train_streams"):
        trained(words, tmp_path / "exp", *more)
    assert not (tmp_path / "exp").exists()


EGS = Path(__file__).parents[3] / "egs"
CONFIGS = sorted(EGS.glob("*/*/conf/train_paranoise_none.yaml"))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.parts[-4])
def test_with_and_without_noise_extraction_all_else_is_equal(config):
    without, with_it = (load_config(config.with_stem(f"train_paranoise_{name}")) for name in ("none", "enc"))
    model = without["model"]["init_args"]
    assert (model.pop("noise"), model.pop("parallel")) == ("none", [])
    for key in ("noise", "parallel"):
        with_it["model"]["init_args"].pop(key, None)
    assert without == with_it
