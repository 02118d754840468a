"""Check that a network is usable before the work starts: an experiment, a packed model, or a config without training.

--whole makes an experiment from a config without training, and stores the published weights that its model reads.

Examples: python -m toolkit.bin.check_network se --model exp/se_a --fs 16000
          python -m toolkit.bin.check_network sv --config conf/mean_fbank.yaml
"""

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

parser = Parser(description=__doc__)
parser.add_argument("task", choices=known_tasks())
network = parser.add_mutually_exclusive_group(required=True)
network.add_argument("--model", help="folder of an experiment, or packed.zip")
network.add_argument("--config", help="config of a network that needs no training")
parser.add_argument("--weights", help="which weights of the folder; default: those that training leaves for use")
add_trust(parser)
parser.add_argument("--fs", type=rate, help="required rate of the network in Hz")
parser.add_argument("--whole", help="only write the whole config to this file; weights beside it")


def main(argv=None) -> None:
    """Load the network; raise InputError if that fails."""
    args = parser.parse_args(argv)
    if args.whole:
        config = load_config(args.config)
        if weights := _published_weights(config):
            _store(args.task, args.config, weights, Path(args.whole).parent)
        with replacing(Path(args.whole)) as handle:
            yaml.safe_dump(config, handle, sort_keys=False)
        return
    kind = system_class(args.task)
    system = kind.untrained(args.config) if args.config else kind.load(args.model, args.weights, args.trust)
    if args.config and _needs_training(system.network, load_config(args.config)):
        raise InputError(f"{args.config}: its network needs training; train it and name the experiment (--sv_exp)")
    if args.fs not in (None, system.fs):
        where = args.model or args.config
        raise InputError(f"{where}: is for {system.fs} Hz, the recordings are at {args.fs} Hz (--fs)")


def _published_weights(config: Mapping) -> str:
    """Source of the weights that the config's model reads; empty if it reads none."""
    model = config.get("model")
    arguments = model.get("init_args") if isinstance(model, Mapping) else None
    return str(arguments.get("weights") or "") if isinstance(arguments, Mapping) else ""


def _needs_training(network, config: Mapping) -> bool:
    """Whether a network of the toolkit has weights and reads none from a file. Other networks are not examined."""
    own = type(network.model if hasattr(network, "model") else network).__module__.startswith("toolkit.")
    return own and not _published_weights(config) and any(True for _ in network.parameters())


def _store(task: str, config: str, weights: str, folder: Path) -> None:
    """Write the files of a training into ``folder``: the weights of the network of a config, and train_info.json."""
    from toolkit.systems.kinds import system_class
    from toolkit.train.checkpoint import save

    system = system_class(task).untrained(config)
    save(folder / system.weights, system.network.state_dict())
    with replacing(folder / "train_info.json") as handle:
        json.dump({"pretrained": weights}, handle)


if __name__ == "__main__":
    sys.exit(run(main))
