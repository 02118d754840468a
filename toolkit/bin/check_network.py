"""Check before other work that a network can be used later: an experiment, a packed model, a config without training.

--whole makes an experiment of a config without training; published weights that its model reads are stored there.

Examples: python -m toolkit.bin.check_network se --model exp/se_a --fs 16000
          python -m toolkit.bin.check_network sv --config conf/mean_fbank.yaml
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from toolkit.io.atomic import replacing
from toolkit.io.command_line import Parser, add_trust, rate, run
from toolkit.io.config import load_config
from toolkit.io.errors import InputError
from toolkit.systems.kinds import known_tasks, system_class


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.check_network TASK``."""
    parser = Parser(description=__doc__)
    parser.add_argument("task", choices=known_tasks())
    one = parser.add_mutually_exclusive_group(required=True)
    one.add_argument("--model", help="folder of an experiment, or packed.zip")
    one.add_argument("--config", help="config of a network that needs no training")
    parser.add_argument("--weights", help="which weights of the folder; default: those that training leaves for use")
    add_trust(parser)
    parser.add_argument("--fs", type=rate, help="rate in Hz that the network must be for")
    parser.add_argument("--whole", help="only write the config there, with what it is based on; weights beside it")
    return parser


def main(argv=None) -> None:
    """Load it; InputError says what is wrong."""
    args = get_parser().parse_args(argv)
    if args.whole:
        config = load_config(args.config)
        if weights := _published_weights(config):
            _store(args.task, args.config, weights, Path(args.whole).parent)
        with replacing(Path(args.whole)) as handle:
            yaml.safe_dump(config, handle, sort_keys=False)
        return
    kind = system_class(args.task)
    system = kind.untrained(args.config) if args.config else kind.load(args.model, args.weights, args.trust)
    if args.fs not in (None, system.fs):
        where = args.model or args.config
        raise InputError(f"{where}: is for {system.fs} Hz, the recordings are at {args.fs} Hz (--fs)")


def _published_weights(config: Mapping) -> str:
    """What the config's model reads weights of; empty where it reads none."""
    model = config.get("model")
    arguments = model.get("init_args") if isinstance(model, Mapping) else None
    return str(arguments.get("weights") or "") if isinstance(arguments, Mapping) else ""


def _store(task: str, config: str, weights: str, folder: Path) -> None:
    """Leave in ``folder`` what training leaves: the weights of the network that a config describes, and a note."""
    from toolkit.systems.kinds import system_class
    from toolkit.train.checkpoint import save

    system = system_class(task).untrained(config)
    save(folder / system.weights, system.network.state_dict())
    with replacing(folder / "train_info.json") as handle:
        json.dump({"pretrained": weights}, handle)


if __name__ == "__main__":
    sys.exit(run(main))
