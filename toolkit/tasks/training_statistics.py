"""Statistics of a training set, which stage 5 writes: number of items, their lengths, their batches."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from toolkit.data.collate import load_batches
from toolkit.data.datasets import TrainingDataset
from toolkit.data.item import ItemSpec
from toolkit.features.frontend import FrontEnd
from toolkit.io.atomic import replacing
from toolkit.io.datadir import write_table
from toolkit.io.progress import progress
from toolkit.train.runlog import log_interval

_BATCH = 16


class ItemStatistics(Protocol):
    """Measurements of training items, batch by batch."""

    def add(self, batch: Mapping) -> list[str]:
        """The shape of each item of a batch."""

    def result(self) -> dict:
        """Entries of stats.json."""


class FeatureStatistics:
    """Mean and deviation (F,) of features over all frames.

    Args:
        frontend: makes features of audio.
    """

    def __init__(self, frontend: FrontEnd):
        self._frontend, self._frames = frontend, 0
        self._total, self._square = np.zeros(frontend.dim), np.zeros(frontend.dim)

    def add(self, batch: Mapping) -> list[str]:
        """``frames,features`` of each item of a batch, ``feats`` (B, T, F) or ``wav`` (B, N)."""
        feats, lengths = batch.get("feats"), batch["lengths"]
        if feats is None:
            feats, lengths = self._frontend(batch["wav"], lengths)
        sizes = [feats.shape[1]] * len(feats) if lengths is None else lengths.tolist()
        for row, size in zip(feats.double().numpy(), sizes, strict=True):
            self._total += row[:size].sum(0)
            self._square += np.square(row[:size]).sum(0)
        self._frames += sum(sizes)
        return [f"{size},{self._frontend.dim}" for size in sizes]

    def result(self) -> dict:
        """Entries of stats.json."""
        mean = self._total / self._frames
        deviation = np.sqrt(np.maximum(self._square / self._frames - mean**2, 0))
        return {"feature_mean": mean.round(4).tolist(), "feature_deviation": deviation.round(4).tolist()}


def statistics_of(frontend: FrontEnd) -> "FeatureStatistics | LevelStatistics":
    """Of features; of levels where the front end has parameters, whose features change in training."""
    has_parameters = next(frontend.parameters(), None) is not None
    return LevelStatistics() if has_parameters else FeatureStatistics(frontend)


class LevelStatistics:
    """Mean and deviation over recordings of their level in dB below full scale."""

    def __init__(self):
        self._levels: list[float] = []

    def add(self, batch: Mapping) -> list[str]:
        """Samples of each item of a batch with ``wav`` (B, N)."""
        wav, lengths = batch["wav"].double(), batch["lengths"]
        sizes = [wav.shape[1]] * len(wav) if lengths is None else lengths.tolist()
        powers = [max(float(row[:size].square().mean()), 1e-10) for row, size in zip(wav, sizes, strict=True)]
        self._levels += (10 * np.log10(powers)).tolist()
        return [str(size) for size in sizes]

    def result(self) -> dict:
        """An entry of stats.json."""
        mean, deviation = (round(float(of(self._levels)), 2) for of in (np.mean, np.std))
        return {"level_db": {"mean": mean, "deviation": deviation}}


def read_all(data: TrainingDataset, measure: ItemStatistics, workers: int) -> dict[str, str]:
    """Read every item once, so that every fault of the data is found.

    Args:
        data: opened.
        measure: takes the batches.
        workers: processes that read.

    Returns:
        Item -> its shape. An utterance that the set holds at several speeds is named with its speaker.
    """
    repeated = len(set(data.ids)) < len(data)
    shapes: dict[str, str] = {}
    specs = [ItemSpec(i, 0, i) for i in range(len(data))]
    batches = [specs[i : i + _BATCH] for i in range(0, len(specs), _BATCH)]
    with progress(len(specs), "statistics") as bar:
        for batch in load_batches(data, batches, workers):
            labels = [f"{data.speakers[label]}-" for label in batch["labels"]] if repeated else [""] * len(batch["ids"])
            names = [f"{label}{key}" for label, key in zip(labels, batch["ids"], strict=True)]
            shapes |= dict(zip(names, measure.add(batch), strict=True))
            bar.update(len(names))
    return shapes


def write_statistics(
    output, data: TrainingDataset, batches: Sequence[Sequence[ItemSpec]], epochs: int, shapes: Mapping, more: dict
) -> str:
    """Write ``stats.json``, ``shapes`` and ``batch_shapes`` into a folder; returns a one-line summary.

    Args:
        output: the folder.
        data: the opened training set.
        batches: those of the first epoch.
        epochs: of the training.
        shapes: item -> ``size`` or ``size,size``.
        more: further entries of stats.json.
    """
    output, per_speaker = Path(output), np.bincount(data.labels, minlength=len(data.speakers))
    lengths = np.quantile(data.seconds, [0, 0.5, 1]).round(3).tolist()
    stats = {
        "items": len(data),
        "speakers": len(data.speakers),
        "hours": round(float(data.seconds.sum()) / 3600, 3),
        "seconds": dict(zip(("min", "median", "max"), lengths, strict=True)),
        "items_per_speaker": {"min": int(per_speaker.min()), "max": int(per_speaker.max())},
        "batches_per_epoch": len(batches),
        "steps": log_interval(len(batches), epochs, warn=True),
        **more,
    }
    write_table(output / "shapes", shapes)
    write_table(
        output / "batch_shapes", {f"batch{i:06d}": f"{len(b)} {_longest(b, data):.2f}" for i, b in enumerate(batches)}
    )
    with replacing(output / "stats.json") as handle:
        json.dump(stats, handle, indent=1)
    return f"{output}: " + ", ".join(
        f"{stats[k]} {k}" for k in ("items", "speakers", "hours", "batches_per_epoch", "steps")
    )


def _longest(batch: Sequence[ItemSpec], data: TrainingDataset) -> float:
    """Length in seconds to which a batch is padded or cropped."""
    return max(item.seconds or data.seconds[item.index] for item in batch)
