"""Checkpoints: the last two to resume from, the best k models, and their average."""

import logging
import math
import os
import zipfile
from pathlib import Path
from typing import BinaryIO, cast

import torch
from safetensors.torch import load_file
from torch import nn

from toolkit.io.atomic import LEFT_BY_THE_KILLED, replacing
from toolkit.io.errors import InputError, some_of
from toolkit.io.text import refuse_fifo
from toolkit.train.runlog import last_epoch

_VERSION = 1


class _Handle:
    """A file for torch.save that remembers write errors: torch.save hides that the disk is full."""

    def __init__(self, handle):
        self._handle = handle
        self.error: OSError | None = None

    def write(self, data) -> int:
        try:
            return self._handle.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._handle.flush()


def save(path: Path, state: dict) -> None:
    """Write a state atomically."""
    with replacing(path, "wb") as file:  # a handle: for a path, torch would write its name into the file
        handle = _Handle(file)
        try:
            torch.save(state, cast(BinaryIO, handle))
        except RuntimeError:
            if handle.error is None:
                raise
            raise handle.error from None


def load(path: Path, map_location="cpu") -> dict:
    """Read a state, or weights in safetensors. Raises InputError if the file is missing or damaged."""
    refuse_fifo(Path(path))
    try:
        if Path(path).suffix == ".safetensors":
            return load_file(path, device=str(map_location))
        _check_records(path)
        return torch.load(path, map_location=map_location, weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint; train first (stage 6)") from None
    except Exception as error:  # a damaged file makes torch raise any type
        raise InputError(
            f"{path}: is damaged ({type(error).__name__}); train again (stage 6), or use other weights"
        ) from None


def _check_records(path: Path) -> None:
    """Raise ValueError if a record does not match its checksum, which torch does not verify, or is compressed.

    torch.save does not compress; a small file of compressed records could expand to gigabytes.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
        packed = any(record.compress_type != zipfile.ZIP_STORED for record in records)
        if packed or sum(record.file_size for record in records) > path.stat().st_size:
            raise ValueError("records are compressed")
        if bad := archive.testzip():
            raise ValueError(f"{bad} does not match its checksum")


def load_model(model: nn.Module, path: Path, start: bool = False) -> None:
    """Load weights for inference, or with ``start`` initial weights for training, possibly of a part of the model.

    Raises:
        InputError: the weights are missing, damaged or of another network.
    """
    try:
        (getattr(model, "start_from", model.load_state_dict) if start else model.load_state_dict)(load(path))
    except (RuntimeError, TypeError, AttributeError) as error:  # the file may hold anything
        raise InputError(f"{path}: weights of another network: {' '.join(str(error).split())[:300]}") from None


class Checkpoints:
    """The checkpoints of an experiment.

    ``checkpoint/last.pt`` and ``previous.pt`` are complete states to resume from. ``epoch<N>.pth`` are the best
    ``keep_best`` models, ``valid.<metric>.best.pth`` links to the best, ``valid.<metric>.ave.pth`` is their average.

    Args:
        expdir: the experiment's folder.
        metric: metric that ranks models, e.g. ``eer``.
        mode: ``min`` or ``max``.
        keep_best: number of models to keep and average.
    """

    def __init__(self, expdir, metric: str, mode: str = "min", keep_best: int = 3):
        self.expdir, self.metric, self.keep_best = Path(expdir), metric, keep_best
        self.sign = 1 if mode == "min" else -1
        self.best: list[tuple[float, int]] = []  # (sign * value, epoch), best first
        self.values: list[float] = []  # sign * value of every epoch, lower is better
        self._last_is_damaged = False

    def save_last(self, state: dict) -> None:
        """Write the resumable state; keep the one before as ``previous.pt``."""
        folder = self.expdir / "checkpoint"
        last = folder / "last.pt"
        folder.mkdir(parents=True, exist_ok=True)
        if last.exists() and not self._last_is_damaged:
            os.replace(last, folder / "previous.pt")
        save(last, {**state, "version": _VERSION, "best": self.best, "values": self.values})
        self._last_is_damaged = False

    def load_last(self) -> dict | None:
        """The newest undamaged resumable state, or None at the start.

        Raises:
            InputError: all are damaged, one is of a newer version, or none exists although epochs were trained.
        """
        self._remove_left()
        damaged = []
        for name in ("last.pt", "previous.pt"):
            path = self.expdir / "checkpoint" / name
            if path.exists():
                try:
                    state = load(path)
                    if state.get("version", 1) > _VERSION:
                        break
                    self.best = [(value, epoch) for value, epoch in state["best"]]
                    self.values = state.get("values", [])
                    return state
                except (InputError, AttributeError, KeyError, TypeError, ValueError):
                    damaged.append(name)
                    self._last_is_damaged = True
                    logging.warning("%s: is damaged, or not a training state; trying the one before", path)
        else:
            anew = f"restore a copy, or remove {self.expdir} to train again"
            if damaged:
                raise InputError(f"{self.expdir}/checkpoint: {' and '.join(damaged)} cannot be used; {anew}")
            if trace := self._trace():
                raise InputError(f"{self.expdir}/checkpoint: holds no checkpoint, but {trace}; {anew}")
            return None
        raise InputError(f"{path}: was written by a newer version of the toolkit; update the toolkit")

    def _remove_left(self) -> None:
        """Remove unfinished states of killed trainings, which may be large."""
        for path in [*self.expdir.glob(".*.pth"), *self.expdir.glob("checkpoint/.*.pt")]:
            if LEFT_BY_THE_KILLED.fullmatch(path.name):
                path.unlink(missing_ok=True)

    def _trace(self) -> str:
        """Evidence that an epoch was completed, for messages; empty if at most a part of the first epoch is lost."""
        if (self.expdir / "train_info.json").exists():
            return "train_info.json says that a training finished"
        last = max([1, *self._kept_epochs(), last_epoch(self.expdir)])
        return f"epoch {last} was trained before" if last > 1 else ""

    def _kept_epochs(self) -> list[int]:
        return [int(p.stem[5:]) for p in self.expdir.glob("epoch*.pth") if p.stem[5:].isdigit()]

    def forget_lost(self, like: dict) -> list[int]:
        """Remove epochs with missing, damaged or different weights from the best; returns them."""
        lost = []
        for value, epoch in list(self.best):
            try:
                fits = _shapes(load(self.expdir / f"epoch{epoch}.pth")) == _shapes(like)
            except (InputError, AttributeError):
                fits = False
            if not fits:
                lost.append(epoch)
                self.best.remove((value, epoch))
        if self.best:
            self._link_best()
        return lost

    def add(self, epoch: int, value: float, model: dict) -> None:
        """Add the value of an epoch; keep its model if it is among the best. NaN is the worst value."""
        rank = math.inf if math.isnan(value) else self.sign * value
        if rank == math.inf:
            logging.warning("epoch %d: the validation %s is %g; its weights are not used", epoch, self.metric, value)
        self.values = [*self.values[: epoch - 1], rank]
        ranked = sorted([*self.best, (rank, epoch)])
        self.best = ([entry for entry in ranked if entry[0] < math.inf] or ranked)[: self.keep_best]
        kept = {e for _, e in self.best}
        if epoch in kept:
            save(self.expdir / f"epoch{epoch}.pth", model)
            self._link_best()
        for other in self._kept_epochs():
            if other not in kept:
                (self.expdir / f"epoch{other}.pth").unlink()

    def _link_best(self) -> None:
        link = self.expdir / f"valid.{self.metric}.best.pth"
        aside = link.with_suffix(".tmp")
        aside.unlink(missing_ok=True)
        aside.symlink_to(f"epoch{self.best[0][1]}.pth")
        os.replace(aside, link)

    def average(self) -> Path:
        """Write the average of the best models; returns its path."""
        if not self.best:
            raise InputError(f"{self.expdir}: no epoch's weights can be read; remove the folder to train again")
        models = [load(self.expdir / f"epoch{epoch}.pth") for _, epoch in self.best]
        path = self.expdir / f"valid.{self.metric}.ave.pth"
        save(path, average_states(models))
        return path


def check_resumable(state: dict, expdir: Path, epochs: int, speakers: list[str] | None) -> None:
    """Raise InputError if a state has more than ``epochs`` epochs, or classes of other speakers."""
    classes = state.get("classes")
    if (done := state["epoch"] - 1) > epochs:
        raise InputError(
            f"{expdir}: has {done} epochs, --trainer.epochs {epochs} is less; choose another tag (--<task>_tag)"
        )
    if classes is not None and speakers is not None and classes != speakers:
        other = some_of(sorted({*classes} ^ {*speakers}), 5)
        raise InputError(
            f"{expdir}: the classes of its checkpoint are other speakers than those of the training set ({other}); "
            "train again: choose another tag (--<task>_tag), or remove the folder"
        )


def _shapes(state: dict) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in state.items()}


def average_states(states: list[dict]) -> dict:
    """Mean of floating-point entries; integer entries (counters) of the first state."""
    first = states[0]
    return {
        key: torch.stack([s[key].double() for s in states]).mean(0).to(value.dtype)
        if value.is_floating_point()
        else value
        for key, value in first.items()
    }
