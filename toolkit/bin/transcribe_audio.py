"""Recognise speech by a trained system: one file, or formatted data dirs.

One file of any rate and length; its words are printed:
    python -m toolkit.bin.transcribe_audio --input a.wav --model packed.zip

Data dirs, as a job of a recipe: --in_root, --out_root, --work, --job. The output is a table `text` of each, where
<empty> means no words.
"""

import sys

from toolkit.io.command_line import Parser, add_network_choice, add_search_arguments, add_table_arguments, is_job, run

parser = Parser(description=__doc__)
add_network_choice(parser)
add_search_arguments(parser)
parser.add_argument("--check", action="store_true", help="check the options, and end")
add_table_arguments(parser)


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
