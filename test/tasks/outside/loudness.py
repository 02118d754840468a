"""A kind of task from outside the toolkit: how loud a recording is, in dB; with network, data, score and page."""

import argparse
import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from toolkit.data.batches import CropBatches
from toolkit.data.datasets import MixtureDataset
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import read_table, write_table
from toolkit.losses.base import Loss
from toolkit.systems.base import System
from toolkit.tasks.base import Task
from toolkit.tasks.registry import TaskSpec
from toolkit.tasks.training_statistics import LevelStatistics
from toolkit.train.experiment import default
from toolkit.train.schedule import Constant


def level(wav):
    """(B, N) -> (B,) dB."""
    return 10 * wav.square().mean(1).clamp(min=1e-10).log10()


class Meter(nn.Module):
    """Scale and offset of the mean absolute value in dB."""

    output_dims, output_classes, streams = {}, {}, ("wav",)

    def __init__(self, fs: int = 16000):
        super().__init__()
        self.fs, self.line = fs, nn.Linear(1, 1)

    def forward(self, wav):
        return self.line(20 * wav.abs().mean(1, keepdim=True).clamp(min=1e-5).log10() / 30)[:, 0] * 30

    def training_outputs(self, batch):
        return {"level": self(batch["wav"])}


class Distance(Loss):
    def forward(self, outputs, batch):
        loss = (outputs["level"] - level(batch["wav"])).abs().mean()
        return loss, {"distance": loss.detach()}


class Gauge(System):
    task, network_type = "loudness:SPEC", Meter
    weights = "valid.distance.ave.pth"

    @classmethod
    def add_network_arguments(cls, parser):
        parser.add_argument("--model", type=Meter, default=default(Meter))


class LoudnessTask(Task):
    metric = ("distance", "min")
    defaults: ClassVar = {
        "loss": default(Distance),
        "data": default(MixtureDataset),
        "batches": default(CropBatches, batch_size=4, crop_seconds=[0.4, 0.4], repeats=20),
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.05}},
        "schedule": default(Constant),
    }

    def __init__(self, network, loss, batches, train, valid):
        super().__init__(network, loss, batches, train, valid)
        self._valid = [AudioTable(path, fs=network.fs) for path in valid]

    @classmethod
    def build_network(cls, built):
        return built.model

    @classmethod
    def check_classes(cls, network, loss):
        pass

    @classmethod
    def item_statistics(cls, network):
        return LevelStatistics()

    def check_contracts(self, batch):
        return self.network

    @torch.inference_mode()
    def validate(self):
        wavs = [torch.from_numpy(table.read(key))[None] for table in self._valid for key in table.values]
        return {"distance": float(np.mean([float((self.network(wav) - level(wav)).abs()) for wav in wavs]))}


def arguments(*names):
    parser = argparse.ArgumentParser()
    for name in names:
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--trust", action="store_true")
    return parser


class infer:
    @staticmethod
    def main(argv):
        args = arguments("model", "data", "output").parse_args(argv)
        gauge, audio = Gauge.load(args.model, trust=args.trust), AudioTable(args.data, fs=16000)
        with torch.inference_mode():
            levels = {key: float(gauge.network(torch.from_numpy(audio.read(key))[None])) for key in audio.values}
        write_table(args.output / "utt2level", {key: f"{value:.4f}" for key, value in levels.items()})


class score:
    @staticmethod
    def main(argv):
        args = arguments("data", "outputs", "output").parse_args(argv)
        audio, levels = AudioTable(args.data, fs=16000), read_table(args.outputs / "utt2level")
        errors = [abs(float(levels[key]) - float(level(torch.from_numpy(audio.read(key))[None]))) for key in levels]
        args.output.write_text(json.dumps({"mean_error": float(np.mean(errors))}))


class report:
    @staticmethod
    def add_arguments(parser):
        parser.add_argument("--scores", type=Path, required=True)

    @staticmethod
    def write(args, command):
        error = json.loads(args.scores.read_text())["mean_error"]
        (Path(args.expdir) / "RESULTS.md").write_text(f"mean error {error:.3f} dB\n")


SPEC = TaskSpec(
    "loudness",
    "how loud a recording is",
    "loudness:LoudnessTask",
    "loudness:infer",
    "loudness:score",
    "loudness:report",
    "levels",
    "loudness:Gauge",
)
