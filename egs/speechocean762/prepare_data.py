"""speechocean762 and its noises: the corpora as published -> data dirs. Shared by the tasks of this dataset."""

import argparse
import os
import sys
from pathlib import Path

import yaml

from toolkit.io.audio import audio_files
from toolkit.io.command_line import run
from toolkit.io.datadir import c_sorted, invert, read_table, write_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.folders import Speech, cut_recordings
from toolkit.simulate.folder_sets import write_set

PIECE_SECONDS = 3

WHERE = {
    "SPEECHOCEAN762": "openslr.org/101",
    "LIBRISPEECH": "openslr.org/12 (train-clean-100)",
    "ESC10": "github karolpiczak/ESC-50 (its ESC-10 part)",
}


def get_parser() -> argparse.ArgumentParser:
    """Options; corpora come from db.sh by the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outdir", type=Path, default=Path("data"))
    parser.add_argument("--sets", type=Path, default=Path(__file__).with_name("sets.yaml"))
    parser.add_argument("--dev_every", type=int, default=12, help="one speaker in N of the train part is for dev")
    parser.add_argument(
        "--librispeech",
        action="store_true",
        help="also train on LibriSpeech's train-clean-100 (seven of ten talkers; one is for dev, two for babble), and "
        "test on its test-clean: data/libri_test; training and dev speech is cut into pieces",
    )
    return parser


def corpus(variable: str) -> Path:
    """The folder that db.sh names; InputError says where to get what is missing."""
    value = os.environ.get(variable, "")
    if not value or not Path(value).is_dir():
        source = f"; get it from {WHERE[variable]}" if variable in WHERE else ""
        raise InputError(
            f"{variable}={value or '(empty)'}: no such folder{source}, and set {variable} or CORPORA in db.sh"
        )
    return Path(value)


def write_speech(path: Path, wav: dict[str, Path], utt2spk: dict[str, str], **facts: dict[str, str]) -> None:
    """Write a data dir of speech; facts by utterance are cut to its ids, those by speaker to its speakers."""
    if missing := [utt for utt in utt2spk if utt not in wav]:
        raise InputError(f"{path}: no audio for {len(missing)} utterances: {some_of(missing)}; is the corpus complete?")
    write_table(path / "wav.scp", {utt: wav[utt] for utt in utt2spk})
    write_table(path / "utt2spk", utt2spk)
    spk2utt = invert(utt2spk)
    write_table(path / "spk2utt", {spk: " ".join(utts) for spk, utts in spk2utt.items()})
    for name, table in facts.items():
        keys = spk2utt if name.startswith("spk2") else utt2spk
        write_table(path / name, {key: table[key] for key in keys if key in table})


def prepare_speechocean(args: argparse.Namespace) -> None:
    """data/train, data/dev, data/test from the corpus's own tables; speakers are disjoint."""
    root = corpus("SPEECHOCEAN762")
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
    wav = {path.stem: path for path in audio_files(corpus("LIBRISPEECH") / part).values()}
    # Both corpora number their speakers; a prefix keeps LibriSpeech's 103 apart from speechocean762's.
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
        for table in ("text", "spk2gender"):  # which not all have
            (args.outdir / name / table).unlink(missing_ok=True)
        both = Speech({u: wav[u] for u in own} | ocean["wav.scp"], own | ocean["utt2spk"])
        # Crops are drawn from utterances, so LibriSpeech's long ones would count no more than speechocean762's.
        write_set(args.outdir / name, cut_recordings(both, PIECE_SECONDS))
    write_speech(args.outdir / "libri_test", *librispeech("test-clean"))


def prepare_noises(args: argparse.Namespace) -> None:
    """The sets of sets.yaml; ids are ``<corpus>-<path>``, the "speaker" is the recording (of rooms, the room)."""
    for name, sources in yaml.safe_load(args.sets.read_text()).items():
        wav, group = {}, {}
        for variable, patterns in sources.items():
            root = corpus(variable)
            files = audio_files(root)
            for pattern in patterns:
                found = [key for key in files if Path(key).match(pattern) or _matches(key, pattern)]
                if not found:
                    raise InputError(f"{variable}={root}: nothing matches {pattern!r} ({name} of {args.sets})")
                for key in found:
                    utt = f"{variable.lower()}-{key}".replace("/", "-").replace(" ", "_")
                    wav[utt] = files[key]
                    group[utt] = str(Path(utt).name.rsplit("-az", 1)[0])
        write_table(args.outdir / name / "wav.scp", wav)
        write_table(args.outdir / name / "utt2spk", group)
        write_table(args.outdir / name / "spk2utt", {g: " ".join(utts) for g, utts in invert(group).items()})


def _matches(key: str, pattern: str) -> bool:
    """``**/*`` matches at any depth (pathlib's match does so from Python 3.13 on only)."""
    head, deep, _ = pattern.partition("**/")
    return bool(deep) and key.startswith(head)


def main(argv=None) -> None:
    """Write all sets."""
    args = get_parser().parse_args(argv)
    prepare_speechocean(args)
    prepare_babble(args)
    prepare_noises(args)


if __name__ == "__main__":
    sys.exit(run(main))
