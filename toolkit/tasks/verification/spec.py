"""A speaker-verification experiment from its config: the keys, the network, the training run."""

from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from toolkit.data.batches import Batches, CropBatches
from toolkit.data.datasets import MixtureDataset, TrainingDataset
from toolkit.features.specaugment import SpecAugment
from toolkit.io.config import ConfigParser
from toolkit.io.errors import InputError
from toolkit.losses.speaker.margin import AAMSoftmax, SpeakerLoss
from toolkit.losses.speaker.paranoise import check_classes
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.systems.base import parsed
from toolkit.systems.verifier import Verifier
from toolkit.tasks.verification.verification_task import SVTask, check_classes_of, check_members
from toolkit.train.checkpoint import load_model
from toolkit.train.experiment import default, run_training
from toolkit.train.schedule import Schedule, WarmupCosine
from toolkit.train.trainer import Trainer

add_network_arguments, build_embedder = Verifier.add_network_arguments, Verifier.build
build_frontend, build_encoder = Verifier.build_frontend, Verifier.build_stored


def add_training_arguments(parser: ConfigParser) -> None:
    """Config keys of training."""
    adamw = {"class_path": "torch.optim.AdamW", "init_args": {"lr": 1e-3, "weight_decay": 1e-4}}
    parser.add_argument("--loss", type=SpeakerLoss, default=default(AAMSoftmax))
    parser.add_argument("--specaugment", type=SpecAugment | None, default=None)
    parser.add_argument("--data", type=TrainingDataset, default=default(MixtureDataset), help="where items come from")
    parser.add_argument("--batches", type=Batches, default=default(CropBatches))
    parser.add_argument("--optimizer", type=Callable[[Iterable], torch.optim.Optimizer], default=adamw)
    parser.add_argument("--schedule", type=Schedule, default=default(WarmupCosine))
    parser.add_class_arguments(Trainer, "trainer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--train_dir", type=str | None, default=None, help="formatted (or feature) data dir to train on"
    )
    parser.add_argument("--valid_dirs", type=list[str], default=[], help="formatted data dirs with trials")
    parser.add_argument("--expdir", type=str | None, default=None, help="folder of the experiment")
    parser.add_argument("--init_from", type=str | None, default=None, help="weights (.pth) to start from")
    parser.add_argument("--accept_data", type=bool, default=False, help="go on though the training data has changed")


def build_loss(config) -> SpeakerLoss:
    """The loss of a training config (a path), before ``setup``."""
    return parsed(config, ("loss",), add_training_arguments).loss


def _build(parser: ConfigParser, args):
    built = parser.build(args)
    check_classes_of(built.model, built.loss)
    return built


def check(parser: ConfigParser, args) -> str:
    """Construct all that the config says, without data.

    Returns:
        The stream that training reads, ``feats`` or ``wav``; ``wav mixing`` where it adds noise or talkers to it.
    """
    built = _build(parser, args)
    embedder = SpeakerEmbedder(built.frontend, built.model, args.normalize)
    if args.init_from:
        load_model(embedder, Path(args.init_from))
    check_members(built.data, built.loss)
    if planner := getattr(built.data, "planner", None):
        check_classes(planner.noises, getattr(built.model, "noise_classes", ()))
    if built.data.stream == "feats" and built.model.streams != ("wav",):
        raise InputError(
            f"data: features hold the mixtures alone, and the model trains on {', '.join(built.model.streams)}; set "
            "data.class_path to toolkit.data.datasets.MixtureDataset"
        )
    planner = getattr(built.data, "planner", None)
    return f"{built.data.stream} mixing" if planner and (planner.noises or planner.interferer) else built.data.stream


def train(parser: ConfigParser, args) -> None:
    """Build what the config says, train it, and write down what was run."""
    for key in ("train_dir", "expdir", "valid_dirs"):
        if not getattr(args, key):
            raise InputError(f"--{key} is missing; stage 6 of the recipe gives it")
    torch.manual_seed(args.seed)
    built = _build(parser, args)
    data = built.data.open(args.train_dir, built.frontend, args.seed, built.model.streams)
    embedder = SpeakerEmbedder(built.frontend, built.model, args.normalize)
    if args.init_from:
        load_model(embedder, Path(args.init_from))
    task = SVTask(embedder, built.loss, built.specaugment, built.batches, data, args.valid_dirs)
    run_training(parser, args, built, embedder, task, data)
