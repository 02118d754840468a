"""Recognise the intents of spoken orders by a trained system: one file, or formatted data dirs.

One file of any rate; its slots are printed:
    python -m toolkit.bin.classify_intents --input a.wav --model packed.zip

Data dirs, as a job of a recipe: --in_root, --out_root, --work, --job. The output is a table `utt2intent` of each.
"""

import sys

from toolkit.io.command_line import Parser, add_network_choice, add_table_arguments, is_job, run

parser = Parser(description=__doc__)
add_network_choice(parser)
add_table_arguments(parser)


def main(argv=None) -> None:
    """Recognise."""
    args = parser.parse_args(argv)
    from toolkit.nn.device import check_device

    check_device(args.device)
    args.output = "-"  # the intent of a file is printed
    job = is_job(args, "input")
    from toolkit.systems.intent_recognizer import IntentRecognizer

    recognizer = IntentRecognizer.chosen(args)
    if job:
        import torch

        from toolkit.io.slots import TABLE
        from toolkit.tasks.label_sets import recognise_sets

        torch.set_num_threads(1)
        recognise_sets(args, recognizer.fs, TABLE, recognizer.classify_table)
    else:
        values = recognizer.classify(args.input, channel=args.channel)
        print(" ".join(f"{slot}={value}" for slot, value in values.items()))


if __name__ == "__main__":
    sys.exit(run(main))
