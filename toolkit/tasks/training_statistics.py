"""What stage 5 writes of a training set: how much there is, how long, in which batches."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from toolkit.data.datasets import TrainingDataset
from toolkit.data.item import ItemSpec
from toolkit.io.atomic import replacing
from toolkit.io.datadir import write_table
from toolkit.train.runlog import say_steps


def write_statistics(
    output, data: TrainingDataset, batches: Sequence[Sequence[ItemSpec]], epochs: int, shapes: Mapping, more: dict
) -> str:
    """Write ``stats.json``, ``shapes`` and ``batch_shapes`` into a folder; returns a line that sums them up.

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
        "steps": say_steps(len(batches), epochs),
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
    """Length in seconds that a batch is padded or cropped to."""
    return max(draw.seconds or data.seconds[draw.index] for draw in batch)
