"""Options, names, progress and output of comparisons of two systems."""

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from toolkit.io.atomic import replacing
from toolkit.io.command_line import add_bootstrap_arguments
from toolkit.io.errors import InputError
from toolkit.io.progress import progress
from toolkit.metrics.statistics.bootstrap import Resamples, mean_of
from toolkit.metrics.statistics.paired import Difference, compare
from toolkit.report.bootstrap_samples import in_units
from toolkit.report.summaries import metric_of
from toolkit.report.verdict import conclusion_of


def add_comparison_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    """Options of every comparison; ``what`` the folders hold."""
    parser.add_argument("--a", nargs="+", required=True, help=f"folders of {what} of system A")
    parser.add_argument("--b", nargs="+", required=True, help="of system B, in the same order")
    parser.add_argument("--names", nargs=2, help="of the two systems; default: from their paths")
    add_bootstrap_arguments(parser, 1)
    parser.add_argument("--output", help="JSON of the differences B - A")


def check_comparison(args) -> None:
    """Raise InputError where two conditions have the same name."""
    if len({Path(folder).name for folder in args.a}) < len(args.a):
        raise InputError("--a: two folders have the same name, which names their condition")


def system_name(folder: str) -> str:
    """``exp/a/scores/test`` -> ``a``, ``exp/a/scores_as_norm/test`` -> ``a (as_norm)``; other paths as they are."""
    path = Path(folder)
    kind, _, backend = path.parent.name.partition("_")
    if len(path.parts) < 3 or kind not in ("scores", "metrics"):
        return str(path)
    return f"{path.parts[-3]} ({backend})" if backend else path.parts[-3]


def tell(args, conditions: Mapping[str, Mapping[str, Difference]]) -> None:
    """Print a sentence for each condition and metric; write the JSON file of --output."""
    a, b = args.names or (system_name(args.a[0]), system_name(args.b[0]))
    content: dict = {key: getattr(args, key) for key in ("a", "b", "resamples", "level", "seed")} | {"differences": {}}
    for name, differences in conditions.items():
        entries = content["differences"][name] = {}
        for metric, difference in differences.items():
            entries[metric] = metric_of(metric).difference.in_units(difference._asdict())
            conclusion = conclusion_of(metric, in_units(metric, difference), f" than {a}")
            print(f"{name}: {metric_of(metric).label}: {b} is {conclusion}")
    if args.output:
        with replacing(args.output) as handle:
            handle.write(json.dumps(content, indent=1) + "\n")


def compare_conditions(
    pairs: Mapping[str, tuple[Resamples, Resamples]], level: float, num_speakers: int
) -> dict[str, dict[str, Difference]]:
    """Differences B - A of each condition and, of several, of their mean (``Avg.``); all have the same samples."""
    differences = {name: compare(a, b, level) for name, (a, b) in pairs.items()}
    if len(pairs) > 1:
        a, b = (mean_of(parts) for parts in zip(*pairs.values(), strict=True))
        differences["Avg."] = compare(a, b, level, num_speakers)
    return differences


def with_progress(samples: Iterable) -> Iterable:
    """The bootstrap samples, a sequence, with their progress."""
    samples = list(samples)
    with progress(len(samples), "bootstrap", "samples") as bar:
        for sample in samples:
            yield sample
            bar.update()
