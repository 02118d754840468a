"""LibriSpeech and the noise of the DNS challenge, as published -> data/{train,valid,test,noise_{train,valid,test}}.

LibriSpeech: LIBRISPEECH holds train-clean-100, ..., with <speaker>/<chapter>/<speaker>-<chapter>-<number>.flac, the
transcripts beside them and SPEAKERS.TXT above. Noise: DNS_NOISE holds datasets/noise, datasets_fullband/noise_fullband,
or is such a folder; clips at any rate. The challenge has no split of its noises: clips are shared out here by seed,
those of one recording (<recording>_0.wav, <recording>_1.wav, ...) together.
"""

import argparse
import os
import re
import sys
from pathlib import Path

from toolkit.io.audio import audio_files
from toolkit.io.command_line import Parser, run
from toolkit.io.datadir import c_sorted, invert, write_table
from toolkit.io.errors import InputError, some_of
from toolkit.io.folders import recording_ids
from toolkit.io.text import read_lines
from toolkit.simulate.plan import generator

WHERE = {
    "LIBRISPEECH": "openslr.org/12",
    "DNS_NOISE": "github microsoft/DNS-Challenge (download-dns-challenge-*.sh; its noise archives are enough)",
}
PUBLISHED = {  # utterances of each part
    "train-clean-100": 28539,
    "train-clean-360": 104014,
    "train-other-500": 148688,
    "dev-clean": 2703,
    "dev-other": 2864,
    "test-clean": 2620,
    "test-other": 2939,
}
SETS = {
    "train": ["train-clean-100", "train-clean-360", "train-other-500"],
    "valid": ["dev-clean", "dev-other"],
    "test": ["test-clean"],
}
NOISE_FOLDERS = ("datasets/noise", "datasets_fullband/noise_fullband", "noise_fullband", "noise")
_UTTERANCE = re.compile(r"(\d+)-(\d+)-\d{4}")
_CLIP = re.compile(r"_\d{1,3}$")


def get_parser() -> argparse.ArgumentParser:
    """Options; corpora come from db.sh by the environment."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = Parser("local/data.sh", description=__doc__, formatter_class=layout)
    parser.add_argument("--outdir", type=Path, default=Path("data"))
    for name, parts in SETS.items():
        parser.add_argument(f"--{name}_parts", nargs="+", choices=PUBLISHED, default=parts, help="of LibriSpeech")
    parser.add_argument("--valid_share", type=float, default=0.05, help="of the noise recordings")
    parser.add_argument("--test_share", type=float, default=0.05, help="of the noise recordings")
    parser.add_argument("--seed", type=int, default=0, help="of the sharing out")
    parser.add_argument("--partial", action="store_true", help="go on with less of LibriSpeech than was published")
    return parser


def corpus(variable: str) -> Path:
    """The folder that db.sh names; InputError says where to get what is missing."""
    value = os.environ.get(variable, "")
    if not value or not Path(value).is_dir():
        source = f"get it from {WHERE[variable]}, and set {variable} or CORPORA in db.sh"
        raise InputError(f"{variable}={value or '(empty)'}: no such folder; {source}")
    return Path(value)


def read_part(root: Path, part: str, partial: bool) -> tuple[dict[str, Path], dict[str, str]]:
    """Utterance -> file, utterance -> transcript of a part of LibriSpeech.

    Raises:
        InputError: it is not there, or not whole; a file is none of LibriSpeech's or has no transcript.
    """
    if not (root / part).is_dir():
        raise InputError(f"LIBRISPEECH={root}: holds no {part}; get it from {WHERE['LIBRISPEECH']}")
    wav = {}
    for key, path in audio_files(root / part).items():
        name = _UTTERANCE.fullmatch(path.stem)
        if name is None or Path(key).parts[-3:-1] != name.groups():
            raise InputError(f"{path}: expected <speaker>/<chapter>/<speaker>-<chapter>-<number>.flac of LibriSpeech")
        wav[path.stem] = path
    if len(wav) != PUBLISHED[part]:
        message = f"LIBRISPEECH={root}: {part} has {len(wav)} utterances, published are {PUBLISHED[part]}"
        if not partial:
            raise InputError(f"{message}; get what is missing, or go on with what is there (--partial)")
        print(f"warning: {message}", file=sys.stderr)
    text = {}
    for folder in c_sorted({str(path.parent) for path in wav.values()}):
        for path in Path(folder).glob("*.trans.txt"):
            text |= dict(line.split(" ", 1) for _, line in read_lines(path) if " " in line)
    if lost := [utt for utt in wav if utt not in text]:
        raise InputError(f"LIBRISPEECH={root}: {part}: no transcript (*.trans.txt) of {some_of(lost)}; get it again")
    return wav, {utt: text[utt] for utt in wav}


def read_speakers(root: Path) -> dict[str, str]:
    """Speaker -> m or f, of SPEAKERS.TXT (``103 | F | train-clean-100 | ...``); {} where it is not."""
    path, gender = root / "SPEAKERS.TXT", {}
    if not path.is_file():
        return gender
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if line.strip() and not line.startswith(";"):
            speaker, sex = [*(field.strip() for field in line.split("|")), ""][:2]
            if not speaker.isdigit() or sex not in ("F", "M"):
                raise InputError(f"{path}:{number}: expected '<speaker> | F or M | <part> | ...', got {line!r}")
            gender[speaker] = sex.lower()
    return gender


def write_set(path: Path, wav: dict[str, Path], utt2spk: dict[str, str], **tables: dict[str, str]) -> None:
    """wav.scp, utt2spk, spk2utt and other tables; empty ones are removed."""
    spk2utt = {speaker: " ".join(utts) for speaker, utts in invert(utt2spk).items()}
    tables = {"wav.scp": wav, "utt2spk": utt2spk, "spk2utt": spk2utt, **tables}
    for name, table in tables.items():
        if table:
            write_table(path / name, table)
        else:
            (path / name).unlink(missing_ok=True)
    print(f"{path}: {len(wav)} recordings of {len(spk2utt)}")


def read_speech(args: argparse.Namespace) -> dict[str, tuple[dict[str, Path], dict[str, str]]]:
    """Set -> its audio and transcripts; InputError where sets share a part."""
    parts = {name: getattr(args, f"{name}_parts") for name in SETS}
    named = [part for some in parts.values() for part in dict.fromkeys(some)]
    if twice := {part for part in named if named.count(part) > 1}:
        raise InputError(f"--train_parts, --valid_parts, --test_parts: {some_of(c_sorted(twice))} is in two of them")
    root, sets = corpus("LIBRISPEECH"), {}
    for name, some in parts.items():
        sets[name] = {}, {}
        for part in some:
            for whole, more in zip(sets[name], read_part(root, part, args.partial), strict=True):
                whole |= more
    return sets


def share_noise(args: argparse.Namespace) -> dict[str, dict[str, Path]]:
    """Set -> its clips: recordings at random by seed, each set's share of them, at least one."""
    root = corpus("DNS_NOISE")
    folder = next((root / inner for inner in NOISE_FOLDERS if (root / inner).is_dir()), root)
    wav = recording_ids(audio_files(folder))
    recordings = c_sorted({_CLIP.sub("", key) for key in wav})
    counts = [max(1, round(share * len(recordings))) for share in (args.valid_share, args.test_share)]
    if min(args.valid_share, args.test_share) < 0 or sum(counts) >= len(recordings):
        raise InputError(
            f"DNS_NOISE={folder}: {len(recordings)} recordings; --valid_share {args.valid_share} and --test_share "
            f"{args.test_share} leave none for training"
        )
    order = generator(args.seed, "dns noise").permutation(recordings).tolist()
    valid, test = set(order[: counts[0]]), set(order[counts[0] : sum(counts)])
    sets = {"noise_train": {}, "noise_valid": {}, "noise_test": {}}
    for key, path in wav.items():
        recording = _CLIP.sub("", key)
        name = "valid" if recording in valid else "test" if recording in test else "train"
        sets[f"noise_{name}"][key] = path
    return sets


def main(argv=None) -> None:
    """Write all sets; whatever is wrong is said before the first is written."""
    args = get_parser().parse_args(argv)
    speech, noise = read_speech(args), share_noise(args)
    gender = read_speakers(corpus("LIBRISPEECH"))
    for name, (wav, text) in speech.items():
        utt2spk = {utt: utt.split("-")[0] for utt in wav}
        known = {speaker: gender.get(speaker, "") for speaker in utt2spk.values()}
        spk2gender = known if all(known.values()) else {}
        write_set(args.outdir / name, wav, utt2spk, text=text, spk2gender=spk2gender)
    for name, wav in noise.items():
        write_set(args.outdir / name, wav, {key: key for key in wav})


if __name__ == "__main__":
    sys.exit(run(main))
