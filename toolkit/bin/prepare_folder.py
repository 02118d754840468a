"""Data dirs from your own folders: audio by speaker (<speech>/<speaker>/.../*.wav), and noises (<noise>/**/*.wav).

Speakers are shared out over train, valid and test, recordings of noise over noise_train and noise_test, by seed.
"""

import argparse
import sys
from pathlib import Path

from toolkit.bin.cli import run
from toolkit.io.audio import audio_files
from toolkit.io.datadir import c_sorted, invert, write_table
from toolkit.io.errors import InputError
from toolkit.simulate.plan import generator


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.prepare_folder``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speech", type=Path, help="a folder for each speaker, audio at any depth below")
    parser.add_argument("--noise", type=Path, help="audio at any depth")
    parser.add_argument("--outdir", type=Path, default=Path("data"))
    parser.add_argument("--valid_share", type=float, default=0.1, help="of the speakers")
    parser.add_argument("--test_share", type=float, default=0.2, help="of the speakers, and of the noises")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def share_out(names: list[str], shares: dict[str, float], least: int, seed: int) -> dict[str, list[str]]:
    """Set -> its names, at random by seed; ``shares`` are of all, ``least`` at least, ``train`` gets the rest."""
    order = generator(seed, "share out").permutation(c_sorted(names)).tolist()
    sets = {}
    for part, share in shares.items():
        count = max(least, round(share * len(names)))
        sets[part], order = order[:count], order[count:]
    if len(order) < least:
        raise InputError(f"{len(names)} ({', '.join(names[:3])} ...) are too few for train, {' and '.join(shares)}")
    return {"train": order, **sets}


def write_set(path: Path, wav: dict[str, Path], utt2spk: dict[str, str]) -> None:
    """wav.scp, utt2spk and spk2utt."""
    write_table(path / "wav.scp", {utt: wav[utt] for utt in utt2spk})
    write_table(path / "utt2spk", utt2spk)
    write_table(path / "spk2utt", {spk: " ".join(utts) for spk, utts in invert(utt2spk).items()})
    print(f"{path}: {len(utt2spk)} recordings of {len(set(utt2spk.values()))}")


def main(argv=None) -> None:
    """Write the sets."""
    args = get_parser().parse_args(argv)
    if args.speech is None:
        raise InputError('--speech is missing; ./run.sh --local_data_opts "--speech /my/speech --noise /my/noise"')
    wav, utt2spk = {}, {}
    for key, path in audio_files(args.speech).items():
        speaker, _, rest = key.partition("/")
        if not rest:
            raise InputError(f"{path}: lies in no speaker's folder; expected {args.speech}/<speaker>/...")
        utt = f"{speaker}-{rest.replace('/', '-')}".replace(" ", "_")
        wav[utt], utt2spk[utt] = path, speaker.replace(" ", "_")
    shares = {"valid": args.valid_share, "test": args.test_share}
    for part, speakers in share_out(c_sorted(set(utt2spk.values())), shares, 2, args.seed).items():
        chosen = set(speakers)
        write_set(args.outdir / part, wav, {u: s for u, s in utt2spk.items() if s in chosen})
    if args.noise:
        noises = {key.replace("/", "-").replace(" ", "_"): path for key, path in audio_files(args.noise).items()}
        for part, keys in share_out(list(noises), {"test": args.test_share}, 1, args.seed).items():
            write_set(args.outdir / f"noise_{part}", noises, {key: key for key in keys})


if __name__ == "__main__":
    sys.exit(run(main))
