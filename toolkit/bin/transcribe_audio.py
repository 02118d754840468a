"""Recognise speech by a trained system: one file, or formatted data dirs.

One file of any rate and length; its words are printed:
    python -m toolkit.bin.transcribe_audio --input a.wav --model packed.zip

Data dirs, as a job of a recipe: --in_root, --out_root, --work, --job. The output is a table `text` of each, where
<empty> means no words.
"""

import sys

from toolkit.io.command_line import (
    Parser,
    add_job_arguments,
    add_network_choice,
    channel,
    is_job,
    positive_int,
    run,
    share,
)

parser = Parser(description=__doc__)
add_network_choice(parser)
parser.add_argument(
    "--method",
    choices=("joint", "ctc_beam", "ctc_greedy"),
    help="default: joint; of a model without a decoder ctc_greedy",
)
parser.add_argument("--beam", type=positive_int, default=10, help="prefixes that are kept")
parser.add_argument("--ctc_weight", type=share, default=0.3, help="of joint decoding, from 0 to 1")
parser.add_argument("--check", action="store_true", help="check the options, and end")
single = parser.add_argument_group("one file")
single.add_argument("--input", help="recording")
single.add_argument("--channel", type=channel, help="of several, from 0, or mean")
add_job_arguments(parser.add_argument_group("data dirs"), required=False)


def main(argv=None) -> None:
    """Recognise."""
    args = parser.parse_args(argv)
    if args.check:
        return
    from toolkit.nn.device import check_device

    check_device(args.device)
    args.output = "-"  # the words of a file are printed
    job = is_job(args, "input")
    from toolkit.systems.recognizer import Recognizer

    recognizer = Recognizer.chosen(args)
    search = {"method": args.method, "beam": args.beam, "ctc_weight": args.ctc_weight}
    if job:
        _transcribe_sets(recognizer, args, search)
    else:
        print(recognizer.transcribe(args.input, channel=args.channel, **search))


def _transcribe_sets(recognizer, args, search: dict) -> None:
    import torch

    from toolkit.data.text_units import EMPTY
    from toolkit.tasks.label_sets import recognise_sets

    def texts(audio, keys, bar):
        recognised = recognizer.transcribe_table(audio, keys, bar, **search)
        return {key: text or EMPTY for key, text in recognised.items()}

    torch.set_num_threads(1)
    recognise_sets(args, recognizer.fs, "text", texts)


if __name__ == "__main__":
    sys.exit(run(main))
