"""What an experiment's folder says about itself: the config, and the facts of the run."""

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
from torch import nn

from toolkit.io.atomic import replacing
from toolkit.io.config import changed_keys
from toolkit.io.errors import InputError

# May change between the runs that train one experiment: how long, how fast, how often; not what.
_FREE = ("trainer", "valid_dirs")


@contextmanager
def alone(expdir: Path):
    """Hold the experiment's lock: a process that an interrupted run left behind is waited for.

    The lock goes with the process, however it ends. Of many processes only the first takes it.
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
            logging.warning("%s: cannot be locked (%s); let no two trainings write there", expdir, error.strerror)
        yield


def begin(text: str, expdir: Path, epochs: int) -> bool:
    """Write ``config.yaml``, complete and reloadable with --config; False when all epochs were trained before.

    Raises:
        InputError: the folder was begun with another config, or has more epochs than are asked for.
    """
    path, info = expdir / "config.yaml", expdir / "train_info.json"
    if path.exists() and (changed := changed_keys(path.read_text(), text, _FREE)):
        raise InputError(
            f"{path}: the experiment was begun with another {', '.join(changed)}; "
            "choose another tag (--<task>_tag), or remove the folder to begin again"
        )
    done = json.loads(info.read_text())["epochs"] if info.exists() else 0
    if done > epochs:
        raise InputError(
            f"{expdir}: has {done} epochs, --trainer.epochs {epochs} is less; choose another tag (--<task>_tag)"
        )
    if 0 < done < epochs:
        logging.warning(
            "%s: has %d epochs, is now trained on to %d; another tag (--<task>_tag) keeps both", expdir, done, epochs
        )
    if done < epochs:
        (expdir / "packed.zip").unlink(missing_ok=True)  # it holds what was trained before
        with replacing(path) as handle:
            handle.write(text)
    return done < epochs


def default(cls: type, **init_args) -> dict:
    """A class as a config names it."""
    return {"class_path": f"{cls.__module__}.{cls.__qualname__}", "init_args": init_args}


def run_training(parser, args, built, deployed: nn.Module, task, data) -> None:
    """Train what a config says in ``args.expdir``, and write down what was run.

    Args:
        parser, args, built: the config's parser, its values, and the objects made of them.
        deployed: what inference needs.
        task: see toolkit.tasks.base.
        data: the opened training data, with ``seconds`` and ``speakers``.
    """
    expdir, text = Path(args.expdir), parser.dump(args, skip_default=False)
    with alone(expdir):
        if not begin(text, expdir, args.trainer.epochs):
            logging.info("%s: all %d epochs were trained before; nothing to do", expdir, args.trainer.epochs)
            return
        info = describe(deployed, task) | {
            "seed": args.seed,
            "epochs": args.trainer.epochs,
            "precision": args.trainer.precision,
            "utterances": len(data),
            "speakers": len(data.speakers),
            "hours": round(float(data.seconds.sum()) / 3600, 3),
            "train_dir": args.train_dir,
            "valid_dirs": args.valid_dirs,
        }
        logging.info("%(utterances)d items of %(speakers)d speakers, %(hours).2f h; %(parameters)d parameters", info)
        wanted = [parameter for parameter in task.parameters() if parameter.requires_grad]
        built.trainer.fit(task, built.optimizer(wanted), built.schedule, expdir, args.seed)
        write_info(expdir, info, built.trainer)


def describe(deployed: nn.Module, task: nn.Module) -> dict:
    """Sizes, versions and machine."""
    return {
        "commit": commit(),
        "parameters": sum(p.numel() for p in deployed.parameters()),
        "parameters_training": sum(p.numel() for p in task.parameters()),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }


def commit() -> str:
    """Commit of the toolkit, with ``+`` when the tree differs from it; ``unknown`` outside a checkout."""
    here = Path(__file__).parent

    def git(*words: str) -> subprocess.CompletedProcess:
        return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True)

    try:
        head = git("rev-parse", "--short=12", "HEAD")
        if head.returncode:
            return "unknown"
        return head.stdout.strip() + ("+" if git("status", "--porcelain", "--", here.parent).stdout.strip() else "")
    except FileNotFoundError:
        return "unknown"


def write_info(expdir: Path, info: dict, trainer) -> None:
    """Write ``train_info.json`` when training has ended; on the main process."""
    if not trainer.accelerator.is_main_process:
        return
    info = info | {
        "wall_seconds": round(trainer.trained_seconds, 1),
        "device": str(trainer.accelerator.device),
        "processes": trainer.accelerator.num_processes,
        "threads": torch.get_num_threads(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    with replacing(expdir / "train_info.json") as handle:
        json.dump(info, handle, indent=1)
