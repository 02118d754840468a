"""Read the whole training set once: statistics, batch shapes, and every fault of the data before training meets it."""

import sys

import numpy as np

from toolkit.bin.sv_train import get_parser as train_parser
from toolkit.data.collate import load_batches
from toolkit.data.item import ItemSpec
from toolkit.io.command_line import run
from toolkit.io.config import ConfigParser
from toolkit.io.progress import progress
from toolkit.tasks.training_statistics import write_statistics

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
    draws = [ItemSpec(i, 0, i) for i in range(len(task_data))]
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
    batches = built.batches.epoch(data.labels, data.seconds, built.loss.utterances_per_speaker, args.seed, 1)
    shapes = {key: f"{size},{built.frontend.dim}" for key, size in frames.items()}
    means = {"feature_mean": mean.round(4).tolist(), "feature_deviation": deviation.round(4).tolist()}
    print(write_statistics(args.output, data, batches, args.trainer.epochs, shapes, means))


if __name__ == "__main__":
    sys.exit(run(main))
