"""LibriSpeech with its transcripts, as published -> data/{train,dev_clean,dev_other,test_clean,test_other}.

LIBRISPEECH holds train-clean-100, ..., with <speaker>/<chapter>/<speaker>-<chapter>-<number>.flac, the transcripts
beside them and SPEAKERS.TXT above.
"""

import argparse
import sys

from toolkit.io.command_line import Parser, run
from toolkit.io.corpora import (
    LIBRISPEECH_PARTS,
    add_corpus_arguments,
    librispeech_genders,
    librispeech_part,
    librispeech_root,
    librispeech_text,
    speaker_of,
    write_speech,
)

TRAIN_PARTS = [part for part in LIBRISPEECH_PARTS if part.startswith("train")]
TEST_PARTS = [part for part in LIBRISPEECH_PARTS if part not in TRAIN_PARTS]


def get_parser() -> argparse.ArgumentParser:
    """Options; the corpus comes from db.sh by the environment."""
    parser = Parser("local/data.sh", description=__doc__)
    add_corpus_arguments(parser)
    parser.add_argument("--train_parts", nargs="+", choices=TRAIN_PARTS, default=TRAIN_PARTS[:1], help="of data/train")
    return parser


def main(argv=None) -> None:
    """Write all sets, once all of the corpus has been read."""
    args = get_parser().parse_args(argv)
    root = librispeech_root()
    sets = {"train": args.train_parts} | {part.replace("-", "_"): [part] for part in TEST_PARTS}
    wav: dict[str, dict] = {name: {} for name in sets}
    text: dict[str, dict] = {name: {} for name in sets}
    for name, parts in sets.items():
        for part in dict.fromkeys(parts):
            files = librispeech_part(root, part, args.partial)
            wav[name] |= files
            text[name] |= librispeech_text(root, part, files)
    gender = librispeech_genders(root)
    for name, files in wav.items():
        utt2spk = {utt: speaker_of(utt) for utt in files}
        write_speech(args.outdir / name, files, utt2spk, text=text[name], spk2gender=gender)


if __name__ == "__main__":
    sys.exit(run(main))
