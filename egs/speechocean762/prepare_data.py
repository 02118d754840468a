"""speechocean762 and its noises: the corpora as published -> data dirs. Shared by the tasks of this dataset."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from toolkit.io.command_line import Parser, run
from toolkit.io.corpora import (
    corpus,
    librispeech_root,
    write_listed_sounds,
    write_speech,
)
from toolkit.io.datadir import c_sorted, read_table
from toolkit.io.folders import Speech, audio_files, cut_recordings
from toolkit.simulate.folder_sets import write_set

PIECE_SECONDS = 3

WHERE = {
    "SPEECHOCEAN762": "openslr.org/101",
    "ESC10": "github karolpiczak/ESC-50 (its ESC-10 part)",
}


def get_parser() -> argparse.ArgumentParser:
    """Options; corpora come from db.sh by the environment."""
    parser = Parser("local/data.sh", description=__doc__)
    parser.add_argument("--outdir", type=Path, default=Path("data"))
    parser.add_argument("--sets", type=Path, default=Path(__file__).with_name("sets.yaml"))
    parser.add_argument("--dev_every", type=int, default=12, help="use every N-th training speaker for dev")
    parser.add_argument(
        "--librispeech",
        action="store_true",
        help="also train on LibriSpeech's train-clean-100 (seven of ten talkers; one is for dev, two for babble), and "
        "test on its test-clean: data/libri_test; training and dev speech is cut into pieces",
    )
    parser.add_argument(
        "--enrollable",
        action="store_true",
        help="skip training and dev speakers with only one piece, who cannot be enrolled",
    )
    return parser


def prepare_speechocean(args: argparse.Namespace) -> None:
    """Write data/train, data/dev, data/test from the tables of the corpus; speakers are disjoint."""
    root = corpus("SPEECHOCEAN762", WHERE["SPEECHOCEAN762"])
    wav = {path.stem: path for path in audio_files(root / "WAVE").values()}
    for part in ("train", "test"):
        tables = {name: read_table(root / part / name) for name in ("utt2spk", "text", "spk2gender")}
        utt2spk = tables.pop("utt2spk")
        speakers = c_sorted(set(utt2spk.values()))
        dev = set(speakers[args.dev_every - 1 :: args.dev_every]) if part == "train" else set()
        sets = {part: {u: s for u, s in utt2spk.items() if s not in dev}}
        if dev:
            sets["dev"] = {u: s for u, s in utt2spk.items() if s in dev}
        for name, chosen in sets.items():
            write_speech(args.outdir / name, wav, chosen, **tables)


def librispeech(part: str) -> tuple[dict[str, Path], dict[str, str]]:
    """Audio and speaker of the utterances of a part of LibriSpeech."""
    wav = {path.stem: path for path in audio_files(librispeech_root() / part).values()}
    # Both corpora number their speakers; a prefix separates them.
    return wav, {utt: f"librispeech-{utt.split('-')[0]}" for utt in wav}


def prepare_babble(args: argparse.Namespace) -> None:
    """data/babble_test: LibriSpeech talkers, who are in no trial; with --librispeech others join data/train and dev."""
    wav, utt2spk = librispeech("train-clean-100")
    if not args.librispeech:
        write_speech(args.outdir / "babble_test", wav, utt2spk)
        return
    tenth = {speaker: number % 10 for number, speaker in enumerate(c_sorted(set(utt2spk.values())))}
    sets = {utt: {4: "babble_test", 9: "babble_test", 2: "dev"}.get(tenth[utt2spk[utt]], "train") for utt in utt2spk}
    for name in ("babble_test", "dev", "train"):
        own = {utt: speaker for utt, speaker in utt2spk.items() if sets[utt] == name}
        if name == "babble_test":
            write_speech(args.outdir / name, wav, own)
            continue
        ocean = {t: read_table(args.outdir / name / t) for t in ("wav.scp", "utt2spk")}
        for table in ("text", "spk2gender"):  # optional tables
            (args.outdir / name / table).unlink(missing_ok=True)
        both = Speech({u: wav[u] for u in own} | ocean["wav.scp"], own | ocean["utt2spk"])
        # Cut the long utterances of LibriSpeech, because each utterance gives one crop per epoch.
        pieces = cut_recordings(both, PIECE_SECONDS)
        if args.enrollable:
            pieces = pieces.of({speaker for speaker, count in Counter(pieces.utt2spk.values()).items() if count > 1})
        write_set(args.outdir / name, pieces)
    write_speech(args.outdir / "libri_test", *librispeech("test-clean"))


def main(argv=None) -> None:
    """Write all sets."""
    args = get_parser().parse_args(argv)
    prepare_speechocean(args)
    prepare_babble(args)
    write_listed_sounds(args.sets, args.outdir, WHERE)


if __name__ == "__main__":
    sys.exit(run(main))
