"""All open speech and noise: published corpora -> data dirs. Shared by the tasks of this dataset."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from toolkit.io.command_line import Parser, run, whole_number
from toolkit.io.corpora import (
    corpus,
    librispeech_root,
    librispeech_text,
    speech_commands,
    write_listed_sounds,
    write_speech,
)
from toolkit.io.datadir import read_table, write_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.folders import Speech, audio_files, cut_recordings
from toolkit.io.text import read_lines
from toolkit.simulate.folder_sets import write_set

WHERE = {
    "SPEECHOCEAN762": "openslr.org/101",
    "SPEECH_COMMANDS": "download.tensorflow.org (speech_commands_test_set_v0.02)",
    "ALPHANUMERIC": "github Sakshee5/alphanumeric-audio-dataset",
    "MSC": "github smc/msc",
    "ESC10": "github karolpiczak/ESC-50 (its ESC-10 part)",
}
BABBLE_EVERY = 10  # every 10th talker of LibriSpeech is for the babble of the tests


def get_parser() -> argparse.ArgumentParser:
    """Options; corpora come from db.sh by the environment."""
    parser = Parser("local/data.sh", description=__doc__)
    parser.add_argument("--outdir", type=Path, default=Path("data"))
    parser.add_argument("--sets", type=Path, default=Path(__file__).with_name("sets.yaml"))
    parser.add_argument(
        "--corpora", nargs="+", choices=READERS, default=[*READERS], help="corpora of training speech (default: all)"
    )
    parser.add_argument(
        "--dev_every", type=whole_number(2, 1000), default=12, help="every Nth speaker of a corpus is for dev"
    )
    parser.add_argument(
        "--transcribed", action="store_true", help=f"with transcripts; only {', '.join(TRANSCRIPTS)} have them"
    )
    parser.add_argument("--piece_seconds", type=float, help="cut training and dev speech into pieces of this length")
    parser.add_argument("--dev_piece_seconds", type=float, help="another length for dev speech")
    return parser


def speechocean762(part: str = "train") -> Speech:
    """A part of speechocean762, train or test, with its own speakers."""
    root = corpus("SPEECHOCEAN762", WHERE["SPEECHOCEAN762"])
    wav = {path.stem: path for path in audio_files(root / "WAVE").values()}
    utt2spk = read_table(root / part / "utt2spk")
    if missing := [utt for utt in utt2spk if utt not in wav]:
        raise InputError(f"SPEECHOCEAN762={root}: no audio of {some_of(missing)}; is the corpus complete?")
    return Speech({utt: wav[utt] for utt in utt2spk}, utt2spk)


def librispeech(part: str = "train-clean-100") -> Speech:
    """A part of LibriSpeech."""
    wav = {path.stem: path for path in audio_files(librispeech_root() / part).values()}
    return Speech(wav, {utt: utt.split("-")[0] for utt in wav})


def commands() -> Speech:
    """The words of Speech Commands."""
    wav, utt2spk, _ = speech_commands(corpus("SPEECH_COMMANDS", WHERE["SPEECH_COMMANDS"]))
    return Speech({u.removeprefix("commands-"): path for u, path in wav.items()}, _unprefixed(utt2spk, "commands-"))


def _unprefixed(utt2spk: dict[str, str], prefix: str) -> dict[str, str]:
    return {utt.removeprefix(prefix): speaker.removeprefix(prefix) for utt, speaker in utt2spk.items()}


def alphanumeric() -> Speech:
    """The alphanumeric dataset: ``audio_data/<kind of text>/<speaker>``."""
    root = corpus("ALPHANUMERIC", WHERE["ALPHANUMERIC"])
    files = {Path(key): path for key, path in audio_files(root / "audio_data").items()}
    wav = {f"{key.name}-{key.parent.name}".replace(" ", "_"): path for key, path in files.items()}
    return Speech(wav, {utt: utt.split("-")[0] for utt in wav})


def msc() -> Speech:
    """The Malayalam Speech Corpus; ``speech.tsv`` has a header with ``path`` and ``speaker``."""
    root = corpus("MSC", WHERE["MSC"])
    table, lines = root / "speech.tsv", read_lines(root / "speech.tsv")
    _, head = next(lines, (0, ""))
    columns = head.split("\t")
    if missing := [name for name in ("path", "speaker") if name not in columns]:
        raise InputError(f"{table}:1: expected a header with {' and '.join(missing)}, tab-separated, got {head!r}")
    wav, utt2spk = {}, {}
    for number, line in lines:
        row = dict(zip(columns, line.split("\t"), strict=False))
        if not (row.get("path") and row.get("speaker") and (root / row["path"]).is_file()):
            raise InputError(f"{table}:{number}: expected the path of a file in {root} and a speaker, got {line!r}")
        utt = f"{row['speaker']}-{Path(row['path']).stem}"
        wav[utt], utt2spk[utt] = root / row["path"], row["speaker"]
    return Speech(wav, utt2spk)


READERS: dict[str, Callable[[], Speech]] = {
    "speechocean762": speechocean762,
    "librispeech": librispeech,
    "speech_commands": commands,
    "alphanumeric": alphanumeric,
    "msc": msc,
}


def words_of_commands() -> dict[str, str]:
    """Utterance -> word, of Speech Commands."""
    _, _, text = speech_commands(corpus("SPEECH_COMMANDS", WHERE["SPEECH_COMMANDS"]))
    return {utt.removeprefix("commands-"): word for utt, word in text.items()}


TRANSCRIPTS: dict[str, Callable[[], dict[str, str]]] = {
    "speechocean762": lambda: read_table(corpus("SPEECHOCEAN762", WHERE["SPEECHOCEAN762"]) / "train" / "text"),
    "speech_commands": words_of_commands,
}


def transcripts(corpora: list[str]) -> dict[str, str]:
    """Prefixed utterance -> transcript. Raises InputError if a corpus has none."""
    if without := [name for name in corpora if name not in TRANSCRIPTS]:
        raise InputError(
            f"--transcribed: {', '.join(without)}: without transcripts; use --corpora {' '.join(TRANSCRIPTS)}"
        )
    return {f"{name}-{utt}": text for name in corpora for utt, text in TRANSCRIPTS[name]().items()}


def prefixed(speech: Speech, name: str) -> Speech:
    """Ids and speakers with the name of their corpus, because several corpora number their speakers."""
    utt2spk = {f"{name}-{utt}": f"{name}-{speaker}" for utt, speaker in speech.utt2spk.items()}
    return Speech({f"{name}-{utt}": path for utt, path in speech.wav.items()}, utt2spk)


def joined(parts: list[Speech]) -> Speech:
    """One set of several."""
    wav = {utt: path for part in parts for utt, path in part.wav.items()}
    return Speech(wav, {utt: speaker for part in parts for utt, speaker in part.utt2spk.items()})


def prepare_training(args: argparse.Namespace) -> None:
    """data/train, data/dev, data/babble_test: speakers of a corpus are in one of them."""
    text = transcripts(args.corpora) if args.transcribed else {}
    train, dev = [], []
    for name in args.corpora:
        speech = prefixed(READERS[name](), name)
        speakers = speech.speakers()
        held_out = set(speakers[args.dev_every - 1 :: args.dev_every])
        babble = set(speakers[BABBLE_EVERY // 2 :: BABBLE_EVERY]) if name == "librispeech" else set()
        train.append(speech.of({*speakers} - held_out - babble))
        dev.append(speech.of(held_out - babble))
        if babble:
            write_speech(args.outdir / "babble_test", speech.wav, speech.of(babble).utt2spk)
    seconds = {"train": args.piece_seconds, "dev": args.dev_piece_seconds or args.piece_seconds}
    for name, parts in (("train", train), ("dev", dev)):
        whole = joined(parts)
        if seconds[name]:
            whole = cut_recordings(whole, seconds[name])
        write_set(args.outdir / name, whole)
        if text:
            write_table(args.outdir / name / "text", {utt: text[utt] for utt in whole.utt2spk})


def prepare_tests(args: argparse.Namespace) -> None:
    """data/test, of speechocean762, and data/libri_test, of LibriSpeech, with transcripts."""
    ocean = speechocean762("test")
    text = read_table(corpus("SPEECHOCEAN762") / "test" / "text")
    write_speech(args.outdir / "test", ocean.wav, ocean.utt2spk, text=text)
    libri = librispeech("test-clean")
    text = librispeech_text(librispeech_root(), "test-clean", libri.wav)
    write_speech(args.outdir / "libri_test", libri.wav, libri.utt2spk, text=text)


def main(argv=None) -> None:
    """Write all sets."""
    args = get_parser().parse_args(argv)
    prepare_training(args)
    prepare_tests(args)
    write_listed_sounds(args.sets, args.outdir, WHERE)


if __name__ == "__main__":
    sys.exit(run(main))
