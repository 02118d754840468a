"""Pack an experiment's model into one zip: config, weights, facts of the run, and their hashes."""

import argparse
import sys

from toolkit.io.command_line import Parser, run


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.pack``."""
    parser = Parser(description=__doc__)
    parser.add_argument("--expdir", required=True)
    parser.add_argument("--task", choices=["sv", "se", "tse"], default="sv")
    parser.add_argument("--model", default="valid.eer.ave.pth", help="which weights")
    parser.add_argument("--output", required=True, help="zip to write")
    return parser


def main(argv=None) -> None:
    """Pack."""
    args = get_parser().parse_args(argv)
    from toolkit.systems.packing import pack

    manifest = pack(args.expdir, args.output, args.model, args.task)
    print(f"{args.output}: {', '.join(manifest['sha256'])}")


if __name__ == "__main__":
    sys.exit(run(main))
