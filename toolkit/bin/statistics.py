"""Read a whole training set once: statistics, batch shapes, and a check of all data before training.

Example: python -m toolkit.bin.statistics tse --config conf/train.yaml --train_dir dump/raw/train --output exp/stats

The first word names the kind of task; without it ``task:`` of the config does.
"""

import sys

from toolkit.io.command_line import run
from toolkit.tasks import registry
from toolkit.tasks.training import get_parser, open_data
from toolkit.tasks.training_statistics import read_all, write_statistics


def main(argv=None) -> None:
    """Write the statistics."""
    spec, words = registry.of_command_line(sys.argv[1:] if argv is None else argv, __doc__)
    parser = get_parser(spec, __doc__)
    parser.add_argument("--output", type=str, required=True, help="folder of stats.json, shapes, batch_shapes")
    args = parser.parse(words)
    built, network, data = open_data(spec, parser, args)
    measure = spec.load("task").item_statistics(network)
    shapes = read_all(data, measure, args.trainer.workers)
    batches = built.batches.epoch(data.labels, data.seconds, built.loss.utterances_per_speaker, args.seed, 1)
    print(write_statistics(args.output, data, batches, args.trainer.epochs, shapes, measure.result()))


if __name__ == "__main__":
    sys.exit(run(main))
