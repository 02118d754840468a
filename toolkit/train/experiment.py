"""The folder of an experiment: its config, its lock, and the facts of the run."""

import fcntl
import json
import logging
import os
import platform
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import torch
import yaml
from torch import nn

from toolkit.exports import public_path
from toolkit.io.atomic import replacing
from toolkit.io.config import ConfigParser, changed_keys, load_config
from toolkit.io.errors import InputError, counted, some_of
from toolkit.io.files import misfit, read_json
from toolkit.metrics.cost.complexity import count_macs_thop, count_parameters
from toolkit.train.checkpoint import load
from toolkit.train.inputs import NAME, another_folder, check_inputs, inputs_of, warn_of_shared_speakers, write
from toolkit.train.probe import probe

# Keys that may change between the runs of one experiment. The data is compared by content (toolkit.train.inputs), not
# by folder.
_FREE = ("accept_data", "check", "config", "expdir", "init_from", "train_dir", "trainer", "valid_dirs")


@contextmanager
def experiment_lock(expdir: Path):
    """Hold the experiment's lock; wait for a process that an interrupted run left.

    The lock ends with the process. Of several processes only the first one locks.
    """
    if os.environ.get("RANK", "0") != "0":
        yield
        return
    expdir.mkdir(parents=True, exist_ok=True)
    with open(expdir / ".lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logging.warning("%s: another process trains here; waiting until it ends", expdir)
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:  # some network file systems have no locks
            logging.warning("%s: cannot be locked (%s); do not start a second training there", expdir, error.strerror)
        yield


def refuse_other(parser: ConfigParser, text: str, expdir: Path) -> None:
    """Raise InputError if an experiment's config differs from ``text``, or cannot be read.

    Keys that an older config lacks have their defaults.
    """
    path, elsewhere = expdir / "config.yaml", another_folder(parser.get_default("task"))
    if not path.exists():
        return
    try:
        before, changed = load_config(path), changed_keys(path.read_text(encoding="utf-8"), text, _FREE)
        if changed:
            completed = parser.dump(parser.parse_checked(before, str(path)), skip_default=False)
            changed = changed_keys(completed, text, _FREE)
    except InputError as error:
        raise InputError(
            f"{error}; restore {path.name}, or remove it to continue with the current config, or choose {elsewhere}"
        ) from None
    if changed:
        raise InputError(
            f"{path}: the experiment was started with another config: {some_of(changed, 5)}; "
            f"choose {elsewhere}, or remove the folder to start again"
        )


def finished_epochs(expdir: Path) -> int:
    """Number of epochs of the last finished training, from ``train_info.json``; 0 if there is none."""
    path = expdir / "train_info.json"
    if not path.exists():
        return 0
    try:
        info = read_json(path, "it is written again")
        fault = misfit(info, {"epochs": int})
    except InputError as error:
        logging.warning("%s", error)
        return 0
    if fault:
        logging.warning("%s: %s; it is written again", path, fault)
    return 0 if fault else info["epochs"]


def state_of(expdir: Path, epochs: int) -> str:
    """The state of an experiment's training, in words."""
    done = finished_epochs(expdir)
    if done >= epochs:
        return f"trained: all done before, epochs {done}"
    resumed = " (continues an interrupted training)" if (expdir / "checkpoint").is_dir() else ""
    return f"trained: to do, epochs {done} -> {epochs}{resumed}"


def has_average(expdir: Path, metric: str) -> bool:
    """Whether the averaged weights of the training can be read."""
    try:
        load(expdir / f"valid.{metric}.ave.pth")
        return True
    except InputError as error:
        logging.warning("%s; it is made again", str(error).partition(";")[0])
        return False


def begin(parser: ConfigParser, args, data, task) -> bool:
    """Write ``config.yaml``, complete and reloadable, and ``inputs.json``; False if all epochs have been trained.

    Raises:
        InputError: the folder has another config, other data, or more epochs than ``--trainer.epochs``.
    """
    expdir, epochs, main = Path(args.expdir), args.trainer.epochs, os.environ.get("RANK", "0") == "0"
    path, written = expdir / "config.yaml", args.clone()
    written.accept_data = False  # only for this run
    text = parser.dump(written, skip_default=False)
    refuse_other(parser, text, expdir)
    done = finished_epochs(expdir)
    if done > epochs:
        raise InputError(
            f"{expdir}: has {counted(done, 'epoch')}, --trainer.epochs {epochs} is less; choose "
            f"{another_folder(args.task)}"
        )
    record, recorded = None, (expdir / NAME).exists()
    has_begun = (expdir / "train_info.json").exists() or any(expdir.glob("checkpoint/*.pt"))
    if main:
        inputs = inputs_of(args, yaml.safe_load(text), data, task)
        warn_of_shared_speakers(inputs)
        record = check_inputs(expdir, inputs, data, args.accept_data, args.task) if has_begun else inputs.record()
        if has_begun and not path.exists():
            logging.warning("%s: is missing, so the config of the training could not be checked", path)
    finished = done == epochs and has_average(expdir, task.metric[0])
    if 0 < done < epochs:
        logging.warning(
            "%s: has %s, is now trained on to %d; %s keeps both",
            *(expdir, counted(done, "epoch"), epochs, another_folder(args.task)),
        )
    if not finished:
        (expdir / "packed.zip").unlink(missing_ok=True)  # it is now outdated
        with replacing(path) as handle:
            handle.write(text)
    if record and (recorded or not finished):
        write(expdir, record)
    return not finished


def default(cls: type, **init_args) -> dict:
    """A class in the form of a config."""
    return {"class_path": public_path(f"{cls.__module__}.{cls.__qualname__}"), "init_args": init_args}


def run_training(parser, args, built, system, task, data) -> None:
    """Train in ``args.expdir`` and record the run.

    Args:
        parser, args, built: the config's parser, its values, and their objects.
        system: the network to train, as a toolkit.systems.base.System.
        task: see toolkit.tasks.base.
        data: the opened training data, with ``seconds`` and ``speakers``.
    """
    expdir = Path(args.expdir)
    with experiment_lock(expdir):
        if not (expdir / "train_info.json").exists():  # otherwise training has started before
            probe(task, args.seed)
        if not begin(parser, args, data, task):
            logging.info("%s: %s trained before; nothing to do", expdir, counted(args.trainer.epochs, "epoch"))
            return
        info = describe(system, task) | {
            "seed": args.seed,
            "epochs": args.trainer.epochs,
            "precision": args.trainer.precision,
            "utterances": len(data),
            "speakers": len(data.speakers),
            "hours": round(float(data.seconds.sum()) / 3600, 3),
            "train_dir": args.train_dir,
            "valid_dirs": args.valid_dirs,
            **task.training_facts(),
        }
        logging.info("%(utterances)d items of %(speakers)d speakers, %(hours).2f h; %(parameters)d parameters", info)
        parameters = [parameter for parameter in task.parameters() if parameter.requires_grad]
        built.trainer.fit(task, built.optimizer(parameters), built.schedule, expdir, args.seed)
        if built.trainer.last_validation is not None:
            task.judge(built.trainer.last_validation)
        write_info(expdir, info, built.trainer)


def describe(system, task: nn.Module) -> dict:
    """Sizes, cost per second of audio, versions and machine."""
    return {
        "commit": commit(),
        "parameters": count_parameters(system.network),
        "parameters_training": count_parameters(task),
        "macs_thop": count_macs_thop(*system.counted(1.0)),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }


def commit() -> str:
    """Commit of the toolkit, with ``+`` if the tree has changes; ``unknown`` outside a checkout."""
    package = Path(__file__).parent

    def git(*words: str | Path) -> subprocess.CompletedProcess:
        return subprocess.run(["git", *words], cwd=package, capture_output=True, text=True)

    try:
        head = git("rev-parse", "--short=12", "HEAD")
        if head.returncode:
            return "unknown"
        return head.stdout.strip() + ("+" if git("status", "--porcelain", "--", package.parent).stdout.strip() else "")
    except FileNotFoundError:
        return "unknown"


def write_info(expdir: Path, info: dict, trainer) -> None:
    """Write ``train_info.json`` at the end of training, in the main process."""
    if not trainer.accelerator.is_main_process:
        return
    info = info | {
        "steps": trainer.step,
        "wall_seconds": round(trainer.trained_seconds, 1),
        "device": str(trainer.accelerator.device),
        "processes": trainer.accelerator.num_processes,
        "threads": torch.get_num_threads(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    with replacing(expdir / "train_info.json") as handle:
        json.dump(info, handle, indent=1)
