"""Enhance speech by a trained system: one file, or formatted data dirs.

One file, any rate and length in, the same out:
    python -m toolkit.bin.enhance_audio --input noisy.wav --output clean.wav --model packed.zip

Data dirs, as a job of a recipe: --in_root, --out_root, --work, --job; out come data dirs of the enhanced speech, with
the tables of those that went in.
"""

import argparse
import sys

from toolkit.io.command_line import Parser, add_network_choice, add_signal_arguments, check_device, is_job, run, share


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.enhance_audio``."""
    parser = Parser(description=__doc__)
    add_network_choice(parser, "valid.loss.ave.pth")
    parser.add_argument(
        "--observation",
        type=share,
        default=0.0,
        help="observation adding: share of the recording in what comes out, 0 (none) to 1 (default: 0)",
    )
    add_signal_arguments(parser, input="noisy recording")
    return parser


def main(argv=None) -> None:
    """Enhance."""
    args = get_parser().parse_args(argv)
    check_device(args.device)
    job = is_job(args, "input")
    from toolkit.systems.inference import convert_file, convert_sets, enhance
    from toolkit.systems.packing import load_enhancer

    model = load_enhancer(args.model, args.weights, args.trust).to(args.device)
    if job:
        convert_sets(args, model.fs, "enhance", lambda *_: lambda _, wav: enhance(model, wav, args.observation))
    else:
        convert_file(args.input, args.output, model.fs, lambda w: enhance(model, w, args.observation), args.channel)
        print(args.output, file=sys.stderr)  # standard output may be the output


if __name__ == "__main__":
    sys.exit(run(main))
