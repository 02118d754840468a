"""Read the whole training set once: statistics, batch shapes, and every fault of the data before training meets it."""

import json
import sys
from pathlib import Path

import numpy as np

from toolkit.bin.cli import run
from toolkit.bin.sv_train import get_parser as train_parser
from toolkit.data.collate import load_batches
from toolkit.data.draw import Draw
from toolkit.io.atomic import replacing
from toolkit.io.config import ConfigParser
from toolkit.io.datadir import write_table
from toolkit.io.progress import progress

_BATCH = 16


def get_parser() -> ConfigParser:
    """Options of ``python -m toolkit.bin.sv_stats``: those of sv_train, and --output."""
    parser = train_parser()
    parser.description = __doc__
    parser.add_argument("--output", type=str, required=True, help="folder of stats.json, shapes, batch_shapes")
    return parser


def read_all(task_data, workers: int, frontend) -> tuple[dict[str, int], np.ndarray, np.ndarray]:
    """Frames of every item, and mean and deviation (F,) of the features over all frames."""
    repeated = len(set(task_data.ids)) < len(task_data)  # an utterance at several speeds: the speaker label tells
    draws = [Draw(i, 0, i) for i in range(len(task_data))]
    total, square, frames = np.zeros(frontend.dim), np.zeros(frontend.dim), {}
    batches = [draws[i : i + _BATCH] for i in range(0, len(draws), _BATCH)]
    with progress(len(draws), "statistics") as bar:
        for batch in load_batches(task_data, batches, workers):
            feats, lengths = batch.get("feats"), batch["lengths"]
            if feats is None:
                feats, lengths = frontend(batch["wav"], lengths)
            sizes = [feats.shape[1]] * len(feats) if lengths is None else lengths.tolist()
            labels = [task_data.speakers[label] for label in batch["labels"]]
            for key, label, row, size in zip(batch["ids"], labels, feats.double().numpy(), sizes, strict=True):
                total += row[:size].sum(0)
                square += np.square(row[:size]).sum(0)
                frames[f"{label}-{key}" if repeated else key] = size
            bar.update(len(feats))
    count = sum(frames.values())
    mean = total / count
    return frames, mean, np.sqrt(np.maximum(square / count - mean**2, 0))


def main(argv=None) -> None:
    """Write the statistics."""
    parser = get_parser()
    args = parser.parse(argv)
    built = parser.build(args)
    data = built.data.open(args.train_dir, built.frontend, args.seed, built.model.streams)
    frames, mean, deviation = read_all(data, args.trainer.workers, built.frontend)
    per_speaker = np.bincount(data.labels, minlength=len(data.speakers))
    batches = built.batches.epoch(data.labels, data.seconds, built.loss.utterances_per_speaker, args.seed, 1)
    stats = {
        "items": len(data),
        "speakers": len(data.speakers),
        "hours": round(float(data.seconds.sum()) / 3600, 3),
        "seconds": dict(
            zip(("min", "median", "max"), np.quantile(data.seconds, [0, 0.5, 1]).round(3).tolist(), strict=True)
        ),
        "items_per_speaker": {"min": int(per_speaker.min()), "max": int(per_speaker.max())},
        "batches_per_epoch": len(batches),
        "feature_mean": mean.round(4).tolist(),
        "feature_deviation": deviation.round(4).tolist(),
    }
    output = Path(args.output)
    write_table(output / "shapes", {key: f"{size},{built.frontend.dim}" for key, size in frames.items()})
    shapes = {f"batch{i:06d}": f"{len(b)} {_longest(b, data):.2f}" for i, b in enumerate(batches)}
    write_table(output / "batch_shapes", shapes)
    with replacing(output / "stats.json") as handle:
        json.dump(stats, handle, indent=1)
    head = ", ".join(f"{stats[k]} {k}" for k in ("items", "speakers", "hours", "batches_per_epoch"))
    print(f"{output}: {head}")


def _longest(batch: list[Draw], data) -> float:
    """Length in seconds that a batch is padded or cropped to."""
    return max(draw.seconds or data.seconds[draw.index] for draw in batch)


if __name__ == "__main__":
    sys.exit(run(main))
