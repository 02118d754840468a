"""Training enhancement and extraction: the loss falls, runs resume exactly, validation says what it is."""

import shutil

import numpy as np
import pytest
import torch
import yaml
from helpers.fake_gpu import check_training_step
from helpers.plain_tse import TINY_SEFPNET
from torch import nn

from toolkit.bin import simulate_plan, simulate_render, train
from toolkit.data.batches import CropBatches
from toolkit.data.datasets import MixtureDataset
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import run
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError
from toolkit.io.jobs import merge
from toolkit.losses.enhancement.waveform import SNR
from toolkit.metrics.signal.intrusive import si_sdr
from toolkit.models.se.base import SpeechEnhancer
from toolkit.systems.kinds import system_class
from toolkit.systems.packing import pack
from toolkit.tasks.enhancement.enhancement_task import EnhancementTask
from toolkit.train.checkpoint import load

MODELS = {
    "se": {
        "class_path": "toolkit.models.se.conv_tasnet.ConvTasNet",
        "init_args": {"filters": 16, "filter_samples": 32, "bottleneck": 8, "hidden": 16, "blocks": 2, "repeats": 1},
    },
    "tse": {
        "class_path": "toolkit.models.tse.sef_pnet.SEFPNet",
        "init_args": {**TINY_SEFPNET, "fs": 16000},
    },
}
DATA = {
    "se": ("toolkit.data.datasets.MixtureDataset", {"repeat_short": False}),
    "tse": ("toolkit.data.extraction.ExtractionDataset", {"enroll_seconds": [0.5, 0.8]}),
}


@pytest.fixture(scope="module")
def mixtures(corpus, tmp_path_factory):
    """Rendered two-talker mixtures of the dev speakers, with fixed enrolments."""
    root = tmp_path_factory.mktemp("mixtures")
    config = root / "two.yaml"
    config.write_text(f"planner:\n  interferer: {{data: [{corpus / 'raw/dev'}], sir: [0, 0]}}\n")
    words = ["--config", config, "--data", corpus / "raw/dev", "--out_root", root / "data", "--name", "two"]
    simulate_plan.main([str(word) for word in (*words, "--enroll", "fixed")])
    keys = DataDir(root / "data/two").keys()
    (root / "work").write_text("".join(f"two {key}\n" for key in keys))
    words = ["--in_root", root / "data", "--out_root", root / "raw", "--work", root / "work", "--job", "1"]
    simulate_render.main([str(word) for word in (*words, "--streams", "all")])
    merge(root / "data", root / "raw", "two", 1, ["wav"])
    return root / "raw/two"


@pytest.fixture(scope="module", params=["se", "tse"])
def task(request):
    return request.param


@pytest.fixture(scope="module")
def words(task, corpus, mixtures, tmp_path_factory):
    """Command-line words of a tiny training run, but for --expdir."""
    kind, arguments = DATA[task]
    values = {
        "model": MODELS[task],
        "data": {
            "class_path": kind,
            "init_args": arguments | {"planner": {"interferer": {"data": [str(corpus / "raw/train")], "sir": [0, 0]}}},
        },
        "batches": {
            "class_path": "toolkit.data.batches.CropBatches",
            "init_args": {"batch_size": 4, "crop_seconds": [0.5, 0.5], "repeats": 2},
        },
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.005}},
        "trainer": {"epochs": 2, "workers": 0, "threads": 1, "keep_best": 2, "clip_norm": 1.0},
    }
    config = tmp_path_factory.mktemp("training") / "config.yaml"
    config.write_text(yaml.safe_dump(values))
    dirs = ["--train_dir", str(corpus / "raw/train"), "--valid_dirs", f"[{mixtures}]"]
    return ["--config", str(config), *dirs]


def trained(task, words, expdir, *more) -> dict:
    """Train, and return the last state."""
    train.main([task, *words, "--expdir", str(expdir), *more])
    return load(expdir / "checkpoint/last.pt")


@pytest.fixture(scope="module")
def one_epoch(task, words, tmp_path_factory):
    """Folder of an experiment of one epoch; to be read."""
    expdir = tmp_path_factory.mktemp("one_epoch")
    trained(task, words, expdir, "--trainer.epochs", "1")
    return expdir


def test_a_training_step_on_a_fake_gpu(task, words, tmp_path, monkeypatch):
    check_training_step(monkeypatch, lambda: train.main([task, *words, "--expdir", str(tmp_path / "exp")]))


def test_epochs_in_one_go_equal_epochs_in_two(task, words, one_epoch, tmp_path):
    whole = trained(task, words, tmp_path / "whole")
    parts = trained(task, words, shutil.copytree(one_epoch, tmp_path / "parts"))
    assert whole["step"] == parts["step"] == 2 * 8
    for name, value in whole["task"].items():
        assert torch.equal(value, parts["task"][name]), name
    log = (tmp_path / "whole/metrics.jsonl").read_text().splitlines()
    losses = [yaml.safe_load(line)["loss"] for line in log if '"train"' in line]
    assert np.mean(losses[-1:]) < losses[0]


def test_validation_is_the_mean_over_whole_mixtures(task, one_epoch, mixtures):
    log = (one_epoch / "metrics.jsonl").read_text().splitlines()
    (result,) = (yaml.safe_load(line) for line in log if '"valid"' in line)
    names = ["wav", "spk1", "enroll_spk1"]
    tables = {name: AudioTable(mixtures, stream=name) for name in names}
    model = system_class(task).load(one_epoch, "epoch1.pth").network
    after, before = [], []
    for key in tables["wav"].keys():
        wav, target, voice = (torch.from_numpy(tables[name].read(key))[None] for name in names)
        with torch.inference_mode():
            estimate = model(wav) if task == "se" else model(wav, voice)
        after.append(si_sdr(estimate[0].numpy(), target[0].numpy()))
        before.append(si_sdr(wav[0].numpy(), target[0].numpy()))
    assert result["si_sdr"] == pytest.approx(np.mean(after), abs=1e-3)
    assert result["si_sdri"] == pytest.approx(np.mean(after) - np.mean(before), abs=1e-3)


class Mute(SpeechEnhancer):
    fs = 16000

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, wav):
        return self.gain * wav


def test_a_silent_output_is_validated(corpus, mixtures):
    train = MixtureDataset().open(corpus / "raw/train", 16000)
    values = EnhancementTask(Mute(), SNR(), CropBatches(2), train, [str(mixtures)]).validate()
    assert np.isnan(values["si_sdr"])
    assert values["loss"] == pytest.approx(0)


def test_packed_models_give_what_the_folder_gives_and_know_their_task(task, one_epoch, tmp_path, capsys):
    shutil.copytree(one_epoch, tmp_path / "exp")
    pack(tmp_path / "exp", tmp_path / "packed.zip")
    one, two = (system_class(task).load(tmp_path / name).network for name in ("exp", "packed.zip"))
    for name, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[name])
    other = "tse" if task == "se" else "se"
    for name in ("exp", "packed.zip"):
        with pytest.raises(InputError, match=f"{name}: is for task {task}, must be for {other}"):
            system_class(other).load(tmp_path / name)
    with pytest.raises(InputError, match=r"is not a network of (Enhancer|Extractor)"):
        system_class(other)(one)
    weights = str(tmp_path / "exp/valid.loss.ave.pth")
    assert run(train.main, [other, "--init_from", weights, "--check"]) == 1
    assert "valid.loss.ave.pth: weights of another network" in capsys.readouterr().err


def test_validation_sets_without_streams_are_refused(task, words, corpus, tmp_path, capsys):
    plain = [*words[:-1], f"[{corpus / 'raw/dev'}]", "--expdir", str(tmp_path / "exp")]
    assert run(train.main, [task, *plain]) == 1
    assert "spk1.scp: no such file; validation takes rendered mixtures with wav, spk1" in capsys.readouterr().err


def test_a_loss_for_another_rate_is_refused_at_the_check(capsys):
    words = ["--check", "--model.init_args.fs", "8000", "--loss", "toolkit.losses.enhancement.waveform.LMFB"]
    assert run(train.main, ["se", *words]) == 1
    assert "is for 16000 Hz, the audio is at 8000 Hz" in capsys.readouterr().err
