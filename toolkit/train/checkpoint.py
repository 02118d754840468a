"""Checkpoints: the last two for resuming, the best k models for use, and their average."""

import logging
import os
from pathlib import Path

import torch
from torch import nn

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError


class _Handle:
    """A file for torch.save, which turns the error of a full disk into one that does not say so."""

    def __init__(self, handle):
        self._handle, self.error = handle, None

    def write(self, data) -> int:
        try:
            return self._handle.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._handle.flush()


def save(path: Path, state: dict) -> None:
    """Write a state, whole or not at all."""
    with replacing(path, "wb") as file:  # a handle: given a path, torch writes its name into the file
        handle = _Handle(file)
        try:
            torch.save(state, handle)
        except RuntimeError:
            if handle.error is None:
                raise
            raise handle.error from None


def load(path: Path, map_location="cpu") -> dict:
    """Read a state; InputError when the file is missing or damaged."""
    try:
        return torch.load(path, map_location=map_location, weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint; train first (stage 6)") from None
    except Exception as error:  # torch raises a different type for each kind of damage
        raise InputError(f"{path}: is damaged ({type(error).__name__}); remove it") from None


def load_model(model: nn.Module, path: Path) -> None:
    """Load deployed weights; InputError when they are missing, damaged or of another network."""
    try:
        model.load_state_dict(load(path))
    except RuntimeError as error:
        raise InputError(f"{path}: weights of another network: {' '.join(str(error).split())[:300]}") from None


class Checkpoints:
    """The checkpoints of an experiment.

    ``checkpoint/last.pt`` and ``previous.pt`` hold all that training needs to go on; ``epoch<N>.pth`` hold models (the
    best ``keep_best``), ``valid.<metric>.best.pth`` links to the best and ``valid.<metric>.ave.pth`` is their average.

    Args:
        expdir: the experiment's folder.
        metric: what models are ranked by, e.g. ``eer``.
        mode: ``min`` or ``max``.
        keep_best: how many models are kept and averaged.
    """

    def __init__(self, expdir, metric: str, mode: str = "min", keep_best: int = 3):
        self.expdir, self.metric, self.keep_best = Path(expdir), metric, keep_best
        self.sign = 1 if mode == "min" else -1
        self.best: list[tuple[float, int]] = []  # (sign * value, epoch), best first
        self.values: list[float] = []  # sign * value of every epoch, less is better

    def save_last(self, state: dict) -> None:
        """Write the resumable state; the one before stays as ``previous.pt``."""
        folder = self.expdir / "checkpoint"
        last = folder / "last.pt"
        folder.mkdir(parents=True, exist_ok=True)
        if last.exists():
            os.replace(last, folder / "previous.pt")
        save(last, {**state, "best": self.best, "values": self.values})

    def load_last(self) -> dict | None:
        """The newest undamaged resumable state, or None at the start."""
        for name in ("last.pt", "previous.pt"):
            path = self.expdir / "checkpoint" / name
            if path.exists():
                try:
                    state = load(path)
                except InputError as error:
                    logging.warning("%s; falling back to the checkpoint before it", error)
                    continue
                self.best = [tuple(entry) for entry in state["best"]]
                self.values = state.get("values", [])
                return state
        return None

    def add(self, epoch: int, value: float, model: dict) -> None:
        """Note an epoch's value; keep its model if it is among the best."""
        self.values = [*self.values[: epoch - 1], self.sign * value]
        self.best = sorted([*self.best, (self.sign * value, epoch)])[: self.keep_best]
        kept = {e for _, e in self.best}
        if epoch in kept:
            save(self.expdir / f"epoch{epoch}.pth", model)
            link = self.expdir / f"valid.{self.metric}.best.pth"
            aside = link.with_suffix(".tmp")
            aside.unlink(missing_ok=True)
            aside.symlink_to(f"epoch{self.best[0][1]}.pth")
            os.replace(aside, link)
        for path in self.expdir.glob("epoch*.pth"):
            if path.stem[5:].isdigit() and int(path.stem[5:]) not in kept:
                path.unlink()

    def average(self) -> Path:
        """Write and name the average of the best models."""
        models = [load(self.expdir / f"epoch{epoch}.pth") for _, epoch in self.best]
        path = self.expdir / f"valid.{self.metric}.ave.pth"
        save(path, average_states(models))
        return path


def average_states(states: list[dict]) -> dict:
    """Mean of floating-point entries; integer ones (counters) are the first's."""
    first = states[0]
    return {
        key: torch.stack([s[key].double() for s in states]).mean(0).to(value.dtype)
        if value.is_floating_point()
        else value
        for key, value in first.items()
    }
