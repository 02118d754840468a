"""Read the whole training set of enhancement or extraction once: statistics, batch shapes, every fault of the data.

Example: python -m toolkit.bin.signal_stats tse --config conf/train.yaml --train_dir dump/raw/train --output exp/stats
"""

import sys

import numpy as np

from toolkit.bin import se_train, tse_train
from toolkit.data.collate import load_batches
from toolkit.data.item import ItemSpec
from toolkit.io.command_line import run
from toolkit.io.config import ConfigParser
from toolkit.io.errors import InputError
from toolkit.io.progress import progress
from toolkit.tasks.enhancement.spec import ENHANCEMENT, EXTRACTION
from toolkit.tasks.training_statistics import write_statistics

_TASKS = {"se": (se_train, ENHANCEMENT), "tse": (tse_train, EXTRACTION)}


def get_parser(task: str = "tse") -> ConfigParser:
    """Options of ``python -m toolkit.bin.signal_stats TASK``: those of its training program, and --output."""
    parser = _TASKS[task][0].get_parser()
    parser.description = __doc__
    parser.add_argument("--output", type=str, required=True, help="folder of stats.json, shapes, batch_shapes")
    return parser


def main(argv=None) -> None:
    """Write the statistics."""
    words = list(sys.argv[1:] if argv is None else argv)
    task = words.pop(0) if words and words[0] in _TASKS else None
    if task is None and not {"-h", "--help"} & set(words):
        raise InputError("the first word says the task: se or tse")
    parser, kind = get_parser(task or "tse"), _TASKS[task or "tse"][1]
    args = parser.parse(words)
    built = parser.build(args)
    data = built.data.open(args.train_dir, built.model, args.seed, kind.task.streams(args.reference))
    shapes, levels = {}, []
    draws = [[ItemSpec(i, 0, i)] for i in range(len(data))]
    with progress(len(draws), "statistics") as bar:
        for batch in load_batches(data, draws, args.trainer.workers):
            name, wav = f"{data.speakers[batch['labels'][0]]}-{batch['ids'][0]}", batch["wav"][0].double()
            shapes[name] = str(len(wav))
            levels.append(10 * np.log10(max(float(wav.square().mean()), 1e-10)))
            bar.update()
    batches = built.batches.epoch(data.labels, data.seconds, 1, args.seed, 1)
    level = {
        "level_db": dict(
            zip(("mean", "deviation"), (round(float(f(levels)), 2) for f in (np.mean, np.std)), strict=True)
        )
    }
    print(write_statistics(args.output, data, batches, args.trainer.epochs, shapes, level))


if __name__ == "__main__":
    sys.exit(run(main))
