"""Size and cost of a config's network, as JSON; configs of all tasks.

``parameters`` counts the deployed network, ``parameters_training`` the classifier of a verification loss too (for
--speakers classes). ``macs`` (multiply-accumulates of an input of ``seconds``) is exact, ``macs_thop`` follows the thop
package (the differences: toolkit.metrics.cost.complexity); of verification both are of the encoder on features.
``rtf_1thread`` is seconds of work per second of audio on one thread, ``peak_memory_mib`` the MiB that inference adds.
"""

import json
import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_trust, rate, real_number, run, whole_number
from toolkit.io.config import load_config
from toolkit.io.errors import InputError
from toolkit.io.trust import NETWORK_KEYS, check_classes

parser = Parser(description=__doc__)
parser.add_argument("--config", required=True, help="training config, or an experiment's folder")
parser.add_argument("--seconds", type=real_number(0.1, 3600), default=3.0, help="length of the input")
parser.add_argument("--fs", type=rate, default=None, help="rate in Hz, default the front end's")
parser.add_argument(
    "--speakers",
    type=whole_number(1, 10**6),
    default=1211,
    help="classes of the training loss (1211: VoxCeleb1 dev)",
)
add_trust(parser)


def main(argv=None) -> None:
    """Measure and print."""
    args = parser.parse_args(argv)
    if Path(args.config).is_dir():  # an experiment
        args.config = str(Path(args.config) / "config.yaml")
    config = load_config(args.config)
    if not config.get("model"):
        raise InputError(f"{args.config}: names no model; must be a training config, conf/train_<x>.yaml")
    if not args.trust:
        check_classes(config, args.config, (*NETWORK_KEYS, "loss"))
    from toolkit.nn.pretrained import without_weights
    from toolkit.systems.base import System
    from toolkit.systems.kinds import system_class, task_of
    from toolkit.tasks import registry
    from toolkit.tasks.training import untrained

    kind: type[System] = system_class(task_of(config) or "sv")
    with without_weights():
        system, trained = untrained(registry.get(str(kind.task)), args.config, args.speakers)
        if args.fs:
            system = kind.untrained(args.config, args.fs)
        info = system.measured_cost(args.seconds)
    print(json.dumps({**info, "parameters_training": trained, "fs": system.fs}, indent=1))


if __name__ == "__main__":
    sys.exit(run(main))
