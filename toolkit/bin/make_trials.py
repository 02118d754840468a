"""Draw a seeded trial list over the utterances of data dirs: <data_dir>/trials, ``enroll test target|nontarget``."""

import argparse
import sys
from pathlib import Path

from toolkit.bin.cli import run
from toolkit.io.datadir import DataDir, invert
from toolkit.io.errors import InputError
from toolkit.io.trials import check_ids, make_trials, read_trials, write_trials


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.make_trials``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dirs", nargs="+")
    parser.add_argument("--targets_per_speaker", type=int, default=100, help="fewer where a speaker has fewer pairs")
    parser.add_argument(
        "--nontargets_per_target", type=float, default=4.0, help="half of them of one gender (spk2gender)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", action="store_true", help="write nothing: check that the lists know their ids")
    return parser


def main(argv=None) -> None:
    """Write the lists."""
    args = get_parser().parse_args(argv)
    for path in args.data_dirs:
        data = DataDir(path)
        utt2spk = data.table("utt2spk")
        if args.check:
            check_ids(read_trials(Path(path) / "trials"), utt2spk, f"{path}/utt2spk")
            continue
        sizes = [len(utts) for utts in invert(utt2spk).values()]
        if len(sizes) < 2 or max(sizes) < 2:
            raise InputError(
                f"{path}: trials need two speakers, and two utterances of one; it has {len(sizes)} speakers"
            )
        targets = sum(min(args.targets_per_speaker, n * (n - 1) // 2) for n in sizes)
        wanted = round(targets * args.nontargets_per_target)
        possible = (len(utt2spk) ** 2 - sum(n * n for n in sizes)) // 2
        gender = data.table("spk2gender") if "spk2gender" in data and wanted < possible // 4 else None
        trials = make_trials(
            utt2spk,
            min(wanted, possible),
            targets_per_speaker=args.targets_per_speaker,
            spk2gender=gender,
            seed=args.seed,
        )
        write_trials(Path(path) / "trials", trials)
        print(f"{path}/trials: {targets} target and {len(trials) - targets} non-target trials")


if __name__ == "__main__":
    sys.exit(run(main))
