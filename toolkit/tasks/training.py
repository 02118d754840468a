"""Training of any kind of task from a config: the keys, the check before training, the run."""

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
import yaml

from toolkit.data.batches import Batches
from toolkit.data.datasets import TrainingDataset
from toolkit.io.config import ConfigParser, load_config
from toolkit.io.errors import InputError
from toolkit.losses.base import Loss
from toolkit.metrics.cost.complexity import count_parameters
from toolkit.simulate.sets import check_known_sets
from toolkit.systems.base import System
from toolkit.tasks.registry import TaskSpec
from toolkit.train.checkpoint import load_model
from toolkit.train.experiment import run_training
from toolkit.train.probe import call
from toolkit.train.schedule import Schedule
from toolkit.train.trainer import Trainer


def get_parser(spec: TaskSpec, description: str) -> ConfigParser:
    """A command line with all config keys of a task."""
    task, parser = spec.load("task"), ConfigParser.command_line(description)
    spec.load("system").add_network_arguments(parser)
    parser.add_argument(
        "--task", type=str, default=spec.name, help="must be this value; for configs that name their task"
    )
    parser.add_argument("--loss", type=Loss, default=task.defaults["loss"])
    parser.add_argument("--data", type=TrainingDataset, default=task.defaults["data"], help="where items come from")
    parser.add_argument("--batches", type=Batches, default=task.defaults["batches"])
    optimizer = Callable[[Iterable], torch.optim.Optimizer]
    parser.add_argument("--optimizer", type=optimizer, default=task.defaults["optimizer"])
    parser.add_argument("--schedule", type=Schedule, default=task.defaults["schedule"])
    task.add_arguments(parser)
    parser.add_class_arguments(Trainer, "trainer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train_dir", type=str | None, default=None, help="formatted data dir to train on")
    parser.add_argument("--valid_dirs", type=list[str], default=[], help="data dirs that rank the models")
    parser.add_argument("--expdir", type=str | None, default=None, help="folder of the experiment")
    parser.add_argument("--init_from", type=str | None, default=None, help="weights (.pth) to start from")
    parser.add_argument(
        "--accept_data", type=bool, default=False, help="continue although the training data has changed"
    )
    return parser


def _build(spec: TaskSpec, parser: ConfigParser, args):
    """The objects of a config, and the network, with the weights that it starts from."""
    if args.task != spec.name:
        raise InputError(f"task {spec.name}: config or options say task: {args.task}; give a config of {spec.name}")
    task, built = spec.load("task"), parser.build(args)
    network = task.build_network(built)
    task.check_classes(network, built.loss)
    if "reference" in args:
        built.loss.compare_with(args.reference)
    if args.init_from:
        load_model(network, Path(args.init_from), start=True)
    return built, network


def check(spec: TaskSpec, parser: ConfigParser, args, known_sets: list[str] | None = None) -> str:
    """Construct all objects of a config, without data.

    Args:
        spec: the kind of task.
        parser, args: of its config keys.
        known_sets: names of the sets that a planner may draw on; None: any.

    Returns:
        Lines ``stream: feats`` (or ``wav``: what training reads), ``mixing: true`` (it adds noise or talkers to that)
        or ``false``, ``fs: 16000``, ``streams: wav spk1 ...`` (those of an item).
    """
    task, (built, network) = spec.load("task"), _build(spec, parser, args)
    task.check_config(built, network)
    call("loss", built.loss, built.loss.setup, task.facts(network, 1))
    built.loss.check_data(built.data)
    streams = task.streams(network, built.loss)
    if built.data.stream == "feats" and streams != ("wav",):
        raise InputError(
            f"data: features hold the mixtures alone, and the model trains on {', '.join(streams)}; set "
            "data.class_path to a class that reads audio, MixtureDataset"
        )
    if args.train_dir:
        built.data.check_streams(streams)
    if known_sets is not None:
        data = yaml.safe_load(parser.dump(args)).get("data") or {}
        planner, root = (data.get("init_args") or {}).get("planner") or {}, Path(args.train_dir or ".").parent
        planned, files = planner.get("init_args", planner), ", ".join(parser.read_files)
        check_known_sets(planned, "data.init_args.planner", known_sets, root, files)
    planner = getattr(built.data, "planner", None)
    mixing = bool(planner and (planner.noises or planner.interferer))
    return f"stream: {built.data.stream}\nmixing: {str(mixing).lower()}\nfs: {network.fs}\nstreams: {' '.join(streams)}"


def untrained(spec: TaskSpec, config, num_speakers: int) -> tuple[System, int]:
    """The system of a training config (a path), and the parameters of network and loss for a number of speakers."""
    parser = get_parser(spec, "")
    task, (built, network) = spec.load("task"), _build(spec, parser, parser.parse_checked(load_config(config), config))
    built.loss.setup(task.facts(network, num_speakers))
    return spec.load("system")(network.eval()), count_parameters(network) + count_parameters(built.loss)


def open_data(spec: TaskSpec, parser: ConfigParser, args):
    """The objects of a config, the network, and the training set, opened."""
    if not args.train_dir:
        raise InputError("--train_dir is missing; the recipe gives it")
    built, network = _build(spec, parser, args)
    if frontend := getattr(network, "frontend", None):
        built.data.read_by(frontend)
    built.loss.prepare(built.data)
    streams = spec.load("task").streams(network, built.loss)
    return built, network, built.data.open(args.train_dir, network.fs, streams, args.seed)


def train(spec: TaskSpec, parser: ConfigParser, args) -> None:
    """Build the objects of a config, train, and record the run."""
    for key in ("train_dir", "expdir", "valid_dirs"):
        if not getattr(args, key):
            raise InputError(f"--{key} is missing; stage 6 of the recipe gives it")
    torch.manual_seed(args.seed)
    built, network, data = open_data(spec, parser, args)
    spec.load("task").check_config(built, network)
    task = spec.load("task")(network, built.loss, built.batches, data, args.valid_dirs)
    run_training(parser, args, built, spec.load("system")(network), task, data)
