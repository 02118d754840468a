"""Pack an experiment into one zip: config, weights, calibration, facts of the run, a model card, and their hashes."""

import sys
from pathlib import Path

from toolkit.io.command_line import Parser, add_trust, run

parser = Parser(description=__doc__)
parser.add_argument("--expdir", required=True, help="folder of the experiment; its config.yaml names the task")
parser.add_argument("--weights", help="which weights; default: those that training leaves for use")
parser.add_argument("--output", required=True, help="zip to write")
parser.add_argument("--licence", help="licence of the weights, for the model card: Apache-2.0, ...")
parser.add_argument("--data_licence", help="licence of the training data, for the model card: CC-BY-4.0, ...")
parser.add_argument("--intended_use", help="a sentence for the model card; default: the usual one of the task")
parser.add_argument("--half", action="store_true", help="store matrices in half precision: half the size")
add_trust(parser)


def main(argv=None) -> None:
    """Pack."""
    args = parser.parse_args(argv)
    from toolkit.systems.packing import pack
    from toolkit.tasks import registry

    if (Path(args.expdir) / "config.yaml").is_file():
        registry.of_experiment(args.expdir, args.trust)
    card = {name: getattr(args, name) for name in ("licence", "data_licence", "intended_use")}
    manifest = pack(args.expdir, args.output, args.weights, card=card, half=args.half)
    print(f"{args.output}: {', '.join(manifest['sha256'])}")


if __name__ == "__main__":
    sys.exit(run(main))
