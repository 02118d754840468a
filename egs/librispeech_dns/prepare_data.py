"""LibriSpeech and the noise of the DNS challenge, as published -> data/{train,valid,test,noise_{train,valid,test}}.

LibriSpeech: LIBRISPEECH holds train-clean-100, ..., with <speaker>/<chapter>/<speaker>-<chapter>-<number>.flac, the
transcripts beside them and SPEAKERS.TXT above. Noise: DNS_NOISE holds datasets/noise, datasets_fullband/noise_fullband,
or is such a folder; clips at any rate. The challenge has no split of its noises: here the clips are split by seed, with
those of one recording (<recording>_0.wav, <recording>_1.wav, ...) together.
"""

import argparse
import re
import sys
from pathlib import Path

from toolkit.io.command_line import Parser, run
from toolkit.io.corpora import (
    LIBRISPEECH_PARTS,
    add_corpus_arguments,
    corpus,
    librispeech_genders,
    librispeech_part,
    librispeech_root,
    librispeech_text,
    speaker_of,
    write_sounds,
    write_speech,
)
from toolkit.io.datadir import c_sorted
from toolkit.io.errors import InputError, some_of
from toolkit.io.folders import audio_files, recording_ids
from toolkit.simulate.plan import generator

DNS_NOISE = "github microsoft/DNS-Challenge (download-dns-challenge-*.sh; its noise archives are enough)"
SETS = {
    "train": ["train-clean-100", "train-clean-360", "train-other-500"],
    "valid": ["dev-clean", "dev-other"],
    "test": ["test-clean"],
}
NOISE_FOLDERS = ("datasets/noise", "datasets_fullband/noise_fullband", "noise_fullband", "noise")
_CLIP = re.compile(r"_\d{1,3}$")


def get_parser() -> argparse.ArgumentParser:
    """Options; corpora come from db.sh by the environment."""
    parser = Parser("local/data.sh", description=__doc__)
    add_corpus_arguments(parser)
    for name, parts in SETS.items():
        parser.add_argument(
            f"--{name}_parts", nargs="+", choices=LIBRISPEECH_PARTS, default=parts, help="parts of LibriSpeech"
        )
    parser.add_argument("--valid_share", type=float, default=0.05, help="share of the noise recordings")
    parser.add_argument("--test_share", type=float, default=0.05, help="share of the noise recordings")
    parser.add_argument("--seed", type=int, default=0, help="seed of the split of the noises")
    return parser


def read_speech(args: argparse.Namespace) -> dict[str, tuple[dict[str, Path], dict[str, str]]]:
    """Set -> its audio and transcripts. Raises InputError if two sets share a part."""
    parts = {name: getattr(args, f"{name}_parts") for name in SETS}
    named = [part for some in parts.values() for part in dict.fromkeys(some)]
    if twice := {part for part in named if named.count(part) > 1}:
        raise InputError(f"--train_parts, --valid_parts, --test_parts: {some_of(c_sorted(twice))} is in two of them")
    root, sets = librispeech_root(), {}
    for name, some in parts.items():
        wav, text = sets[name] = {}, {}
        for part in some:
            files = librispeech_part(root, part, args.partial)
            wav |= files
            text |= librispeech_text(root, part, files)
    return sets


def share_noise(args: argparse.Namespace) -> dict[str, dict[str, Path]]:
    """Set -> its clips: a random share of the recordings, by seed, at least one."""
    root = corpus("DNS_NOISE", DNS_NOISE)
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
    """Write all sets, after all checks."""
    args = get_parser().parse_args(argv)
    speech, noise = read_speech(args), share_noise(args)
    gender = librispeech_genders(librispeech_root())
    for name, (wav, text) in speech.items():
        utt2spk = {utt: speaker_of(utt) for utt in wav}
        write_speech(args.outdir / name, wav, utt2spk, text=text, spk2gender=gender)
    for name, wav in noise.items():
        write_sounds(args.outdir / name, wav, {key: key for key in wav})


if __name__ == "__main__":
    sys.exit(run(main))
