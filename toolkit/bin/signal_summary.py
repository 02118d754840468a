"""Means of the metrics that signal_score wrote, with confidence intervals over speakers: result.json, utterances.tsv.

Example: python -m toolkit.bin.signal_summary --in_root exp/se/metrics --sets test --data_root dump/raw \\
             --out_root exp/se/scores --breakdown gender utt2noise utt2snr

Where the mixture was scored too (--input of signal_score, or --input_root), its value and the improvement (si_sdri)
stand beside. utterances.tsv has a line for each utterance, the worst first. What is undefined or infinite is left out
of means and counted.
"""

import argparse
import json
import sys
from itertools import pairwise
from pathlib import Path

from toolkit.bin.cli import Parser, run
from toolkit.io.atomic import replacing
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError
from toolkit.metrics.catalogue import METRICS
from toolkit.tasks.measuring import Bootstrap, condition
from toolkit.tasks.signal_measuring import (
    break_signals_down,
    line_of,
    load_signals,
    measure_signal_groups,
    measure_signals,
    table_of_utterances,
)


def get_parser() -> argparse.ArgumentParser:
    """Options of ``python -m toolkit.bin.signal_summary``."""
    parser = Parser(description=__doc__)
    parser.add_argument("--in_root", required=True, help="folder of the sets' tables, as signal_score writes them")
    parser.add_argument("--sets", nargs="+", required=True)
    parser.add_argument("--out_root", help="folder of the results; default: in_root")
    parser.add_argument(
        "--data_root", help="folder of the sets whose facts tell groups and condition; default: in_root"
    )
    parser.add_argument("--input_root", help="the mixtures' tables, where they were scored by themselves")
    parser.add_argument(
        "--breakdown", nargs="*", default=[], help="gender, gender_pair, duration, or tables spk2<x>, utt2<x>"
    )
    parser.add_argument("--duration_edges", nargs="*", type=float, default=[], help="in seconds; default: terciles")
    parser.add_argument("--fs", type=int, help="rate in Hz of utt2num_samples, where there is no utt2dur")
    parser.add_argument("--resamples", type=int, default=1000, help="draws of speakers for the intervals; 0: none")
    parser.add_argument("--level", type=float, default=0.95, help="of the intervals, in (0, 1)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    return parser


def check_options(args) -> None:
    """Raise InputError where an option is out of its range."""
    if args.resamples < 0 or not 0 < args.level < 1:
        raise InputError(f"--resamples {args.resamples} must not be negative, --level {args.level} between 0 and 1")
    if any(a >= b for a, b in pairwise(args.duration_edges)) or min(args.duration_edges, default=1) <= 0:
        raise InputError(f"--duration_edges {args.duration_edges}: seconds above 0, rising, are wanted")


def summarise(args, name: str) -> dict:
    """Measure one set and write its files; returns the content of its result.json."""
    found = load_signals(Path(args.in_root) / name, Path(args.input_root) / name if args.input_root else None)
    data = DataDir(Path(args.data_root or args.in_root) / name)
    bootstrap = Bootstrap(args.resamples, args.level, args.seed)
    breakdowns = [break_signals_down(fact, data, found, args.duration_edges, args.fs) for fact in args.breakdown]
    result = {"set": name, "condition": condition(str(data.path))} | measure_signals(found, bootstrap)
    if breakdowns:
        result["breakdown"] = measure_signal_groups(found, breakdowns, bootstrap)
    folder = Path(args.out_root or args.in_root) / name
    with replacing(folder / "utterances.tsv") as handle:
        handle.write(table_of_utterances(found))
    with replacing(folder / "result.json") as handle:
        lines = (f" {json.dumps(key)}: {json.dumps(value)}" for key, value in result.items())
        handle.write("{\n" + ",\n".join(lines) + "\n}\n")
    return result


def main(argv=None) -> None:
    """Summarise each set."""
    args = get_parser().parse_args(argv)
    check_options(args)
    for name in args.sets:
        result = summarise(args, name)
        print(f"{name}: {result['n_utterances']} utterances of {result['n_speakers']} speakers")
        for metric in METRICS:
            if metric in result["metrics"]:
                print(f"{name}: {line_of(result['metrics'], metric)}")


if __name__ == "__main__":
    sys.exit(run(main))
