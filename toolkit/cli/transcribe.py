"""Transcribe recordings: the words in them.

Example: voxsift transcribe a.wav
         voxsift transcribe recordings/ -o text

The words of one recording are printed; of several, lines 'recording<TAB>words'. With -o the output is a Kaldi table
'text', whose ids are those of a table, or paths without extension. Long recordings are cut at pauses. A bad recording
does not stop the others.
"""

import argparse

from toolkit.cli.shared.options import add_channel, add_inputs, add_json, add_overwrite, add_system
from toolkit.io.command_line import add_search_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``voxsift transcribe``."""
    add_inputs(parser)
    parser.add_argument("-o", "--output", help="Kaldi table 'text' to write")
    add_search_arguments(parser)
    add_overwrite(parser)
    add_json(parser)
    add_channel(parser, "channels must be equal")
    add_system(parser)


def main(args: argparse.Namespace) -> None:
    """Transcribe."""
    import logging
    from pathlib import Path

    from toolkit.cli.shared.failures import Failures
    from toolkit.cli.shared.inputs import inputs_of, readable, with_ids
    from toolkit.cli.shared.outputs import json_text
    from toolkit.cli.shared.systems import load_system
    from toolkit.data.text_units import EMPTY
    from toolkit.io.datadir import write_table
    from toolkit.io.errors import InputError
    from toolkit.io.progress import progress

    if args.output and Path(args.output).exists() and not args.overwrite:
        raise InputError(f"{args.output}: is there already; give another file, or --overwrite")
    inputs = inputs_of(args.inputs)
    if args.output:
        inputs = with_ids(inputs)
    recognizer = load_system("asr", args)
    search = {"method": args.method, "beam": args.beam, "ctc_weight": args.ctc_weight}
    results, failures = [], Failures(inputs)
    with readable(inputs) as recordings, progress(len(inputs), "transcribe", "recordings") as bar:
        for recording in recordings:
            text = None
            with failures.of(recording):
                blocks = recording.blocks_at(recognizer.fs, _BLOCK_SECONDS, args.channel)
                text = " ".join(recognizer.transcribe_blocks(blocks, **search))
                if not text:
                    logging.warning("%s: no words are recognised", recording.name)
            results.append((recording, text))
            bar.update()
    texts = [(recording, text) for recording, text in results if text is not None]
    if args.output and texts:
        write_table(args.output, {i.key: text or EMPTY for i, text in texts})
    if args.json:
        errors = failures.messages
        print(json_text([{"input": i.name, "text": text, "error": errors.get(i.name)} for i, text in results]))
    elif not args.output and texts:
        print("\n".join(text if len(inputs) == 1 else f"{i.name}\t{text}" for i, text in texts))
    failures.check()


_BLOCK_SECONDS = 120.0  # that are read at once
