"""Enhance speech with a trained system: one file, or formatted data dirs.

One file of any rate and length; the output has the same:
    python -m toolkit.bin.enhance_audio --input noisy.wav --output clean.wav --model packed.zip

Data dirs, as a job of a recipe: --in_root, --out_root, --work, --job. The output is data dirs of the
enhanced speech, with the tables of the input.
"""

import sys
from functools import partial

from toolkit.io.command_line import Parser, add_network_choice, add_signal_arguments, is_job, run, share

parser = Parser(description=__doc__)
add_network_choice(parser)
parser.add_argument(
    "--observation",
    type=share,
    default=0.0,
    help="observation adding: share of the recording in the output, 0 (none) to 1 (default: 0)",
)
add_signal_arguments(parser, input="noisy recording")


def main(argv=None) -> None:
    """Enhance."""
    args = parser.parse_args(argv)
    job = is_job(args, "input")
    from toolkit.io.jobs import read_work
    from toolkit.io.variants import declare_variant
    from toolkit.systems.enhancer import Enhancer
    from toolkit.systems.signals import convert_file, convert_sets

    enhancer = Enhancer.chosen(args)
    if job:
        fs, share = enhancer.fs, args.observation
        convert_sets(args, fs, "enhance", lambda *_: lambda _, wav: enhancer.enhance(wav, fs, share))
        declare_variant(args.out_root, read_work(args.work), "observation", share or None)
    else:
        make = partial(enhancer.enhance, args.input, observation=args.observation, channel=args.channel)
        convert_file(args.input, args.output, make)
        print(args.output, file=sys.stderr)  # standard output may be the output


if __name__ == "__main__":
    sys.exit(run(main))
