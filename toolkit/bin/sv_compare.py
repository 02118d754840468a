"""Is system B better than system A? Differences of EER and minDCF on the same draws of speakers, with p-values.

Example: python -m toolkit.bin.sv_compare --a exp/one/scores/test --b exp/two/scores/test --utt2spk data/test/utt2spk

Folders hold scores.txt as sv_score writes them (lines 'enroll test score'). Several folders are several conditions,
compared one by one and in their mean.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path

from toolkit.bin.cli import run
from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.progress import progress
from toolkit.metrics.paired import Difference
from toolkit.tasks.comparison import compare_systems, load_condition, sentence


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.sv_compare``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--a", nargs="+", required=True, help="folders of the scores of system A")
    parser.add_argument("--b", nargs="+", required=True, help="of system B, in the same order")
    parser.add_argument("--utt2spk", nargs="+", required=True, help="of all conditions, or one for each")
    parser.add_argument("--enroll2utt", help="where the trials enrol models of several utterances")
    parser.add_argument("--names", nargs=2, help="of the two systems; default: from their paths")
    parser.add_argument("--resamples", type=int, default=1000, help="draws of speakers")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals, in (0, 1)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    parser.add_argument("--output", help="JSON of the differences B - A")
    return parser


def system_name(folder: str) -> str:
    """``exp/ecapa/scores/test`` -> ``ecapa``; other paths as they are."""
    path = Path(folder)
    return path.parts[-3] if len(path.parts) > 2 and path.parent.name == "scores" else str(path)


def in_units(metric: str, difference: Difference) -> dict:
    """A difference as metrics.json has its values: EER in per cent, None for what is not known."""
    numbers = {key: None if math.isnan(x) else x for key, x in difference._asdict().items()}
    if metric == "eer":
        numbers |= {key: x if x is None else 100 * x for key, x in numbers.items() if key != "p"}
    return numbers


def _shown(draws: Iterable) -> Iterable:
    with progress(len(draws), "bootstrap", "draws") as bar:
        for draw in draws:
            yield draw
            bar.update()


def main(argv=None) -> None:
    """Compare."""
    args = get_parser().parse_args(argv)
    if len(args.a) != len(args.b) or len(args.utt2spk) not in (1, len(args.a)):
        raise InputError(
            f"--a names {len(args.a)} folders, --b {len(args.b)}, --utt2spk {len(args.utt2spk)} files; give as many of "
            "each, or one utt2spk"
        )
    if args.resamples < 1 or not 0 < args.level < 1:
        raise InputError(f"--resamples {args.resamples} must be at least 1, --level {args.level} between 0 and 1")
    speakers = args.utt2spk * (len(args.a) if len(args.utt2spk) == 1 else 1)
    conditions = [load_condition(a, b, s, args.enroll2utt) for a, b, s in zip(args.a, args.b, speakers, strict=True)]
    if len({one.name for one in conditions}) < len(conditions):
        raise InputError("--a: two folders have the same name, which names their condition")
    found = compare_systems(conditions, args.resamples, args.level, args.seed, _shown)
    a, b = args.names or (system_name(args.a[0]), system_name(args.b[0]))
    for name, differences in found.items():
        for metric, difference in differences.items():
            print(f"{name}: {sentence(metric, difference, a, b, args.level)}")
    if args.output:
        content = {"a": args.a, "b": args.b, "resamples": args.resamples, "level": args.level, "seed": args.seed}
        content["differences"] = {n: {m: in_units(m, d) for m, d in rows.items()} for n, rows in found.items()}
        with replacing(args.output) as handle:
            handle.write(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(run(main))
