"""An experiment in enhancement or extraction from its config: the keys, the network, the training run."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from toolkit.data.batches import Batches, CropBatches
from toolkit.data.datasets import MixtureDataset, TrainingDataset
from toolkit.data.extraction import ExtractionDataset
from toolkit.io.config import ConfigParser, load_config
from toolkit.io.errors import InputError
from toolkit.losses.enhancement.waveform import SISNR, SNR, EnhancementLoss
from toolkit.systems.base import System
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.extractor import Extractor
from toolkit.systems.kinds import task_of
from toolkit.tasks.enhancement.enhancement_task import EnhancementTask, ExtractionTask, SignalTask, check_classes_of
from toolkit.train.checkpoint import load_model
from toolkit.train.experiment import default, run_training
from toolkit.train.probe import call
from toolkit.train.schedule import Constant, Schedule
from toolkit.train.trainer import Trainer


@dataclass(frozen=True)
class Kind:
    """What enhancement and extraction differ in.

    Attributes:
        system: its class, which has the config key of the network.
        task: training step and validation.
        data: where items come from when a config does not say, with its arguments.
        loss: when a config names none.
    """

    system: type[System]
    task: type[SignalTask]
    data: dict
    loss: dict


ENHANCEMENT = Kind(Enhancer, EnhancementTask, default(MixtureDataset), default(SNR))
EXTRACTION = Kind(Extractor, ExtractionTask, default(ExtractionDataset), default(SISNR))


def add_arguments(parser: ConfigParser, kind: Kind) -> None:
    """Config keys of network and training."""
    adam = {"class_path": "torch.optim.Adam", "init_args": {"lr": 5e-4}}
    kind.system.add_network_arguments(parser)
    parser.add_argument("--loss", type=EnhancementLoss, default=kind.loss, help="between estimate and reference")
    parser.add_argument("--reference", type=str, default="spk1", help="what the estimate should be: spk1, dereverb1")
    parser.add_argument("--data", type=TrainingDataset, default=kind.data, help="where items come from")
    parser.add_argument("--batches", type=Batches, default=default(CropBatches, batch_size=8, crop_seconds=[4.0, 4.0]))
    parser.add_argument("--optimizer", type=Callable[[Iterable], torch.optim.Optimizer], default=adam)
    parser.add_argument("--schedule", type=Schedule, default=default(Constant))
    parser.add_class_arguments(Trainer, "trainer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train_dir", type=str | None, default=None, help="formatted data dir to train on")
    parser.add_argument("--valid_dirs", type=list[str], default=[], help="formatted data dirs of rendered mixtures")
    parser.add_argument("--expdir", type=str | None, default=None, help="folder of the experiment")
    parser.add_argument("--init_from", type=str | None, default=None, help="weights (.pth) to start from")
    parser.add_argument("--accept_data", type=bool, default=False, help="go on though the training data has changed")


def kind_of(config) -> Kind | None:
    """What a training config (a path) is of; None for neither of the two."""
    task = task_of(load_config(config))
    return next((kind for kind in (ENHANCEMENT, EXTRACTION) if kind.system.task == task), None)


def build_model(config, kind: Kind) -> nn.Module:
    """The untrained network of a training config (a path)."""
    return kind.system.build(config)


def _build(parser: ConfigParser, args):
    built = parser.build(args)
    check_classes_of(built.model, built.loss)
    return built


def check(parser: ConfigParser, args) -> str:
    """Construct all that the config says, without data; the stream that training reads and the rate: ``wav 16000``."""
    built = _build(parser, args)
    if built.data.stream != "wav":
        raise InputError("data: features hold no signal; set data.class_path to a class that reads audio")
    call("loss", built.loss, built.loss.setup, built.model.fs)
    if args.init_from:
        load_model(built.model, Path(args.init_from))
    return f"{built.data.stream} {built.model.fs}"


def train(parser: ConfigParser, args, kind: Kind) -> None:
    """Build what the config says, train it, and write down what was run."""
    for key in ("train_dir", "expdir", "valid_dirs"):
        if not getattr(args, key):
            raise InputError(f"--{key} is missing; stage 6 of the recipe gives it")
    torch.manual_seed(args.seed)
    built = _build(parser, args)
    if args.init_from:
        load_model(built.model, Path(args.init_from))
    if (start := getattr(built.data, "self_epochs", 0)) >= built.trainer.epochs:
        said = (
            "data.init_args.self_epochs %d: in %d epochs most targets are enrolled by their own speech, so little is "
        )
        logging.warning(said + "learnt of other enrolments; train longer, or set it to 0", start, built.trainer.epochs)
    streams = kind.task.streams(args.reference)
    data = built.data.open(args.train_dir, built.model, args.seed, streams)
    task = kind.task(built.model, built.loss, built.batches, data, args.valid_dirs, args.reference)
    run_training(parser, args, built, built.model, task, data)
