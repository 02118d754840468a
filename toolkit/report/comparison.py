"""Experiments against the first, on the same bootstrap samples of speakers, and the section of a page on them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from toolkit.metrics.statistics.paired import Difference
from toolkit.report.blocks import Block, Section, Table
from toolkit.report.bootstrap_samples import difference, means_over, paired, utterances_of
from toolkit.report.summaries import Experiment, metric_of
from toolkit.report.verification.trial_tables import NONE, by_test_set


@dataclass(frozen=True)
class Comparison:
    """An experiment against the first.

    Attributes:
        experiment: its name.
        differences: over (a set, a mean over sets) -> metric -> its value minus that of the first, in its unit.
        notes: which sets, and how many utterances of a set, are not compared.
    """

    experiment: str
    differences: Mapping[str, Mapping[str, Difference]] = field(default_factory=dict)
    notes: Sequence[str] = ()


def compare_utterances(first: Experiment, other: Experiment, ood: Collection[str]) -> Comparison:
    """In the means over sets of utterances, and set by set; ``ood``: kinds of noise that are out of domain."""
    ours, theirs = ({one.name: one for one in results.sets} for results in (first, other))
    shared, notes = [], []
    if unpaired := [name for name in {**ours, **theirs} if name not in ours or name not in theirs]:
        notes.append(f"not in both: {', '.join(unpaired)}")
    for name in (name for name in ours if name in theirs):
        pairs = paired([ours[name]], [theirs[name]])
        if pairs is None:
            notes.append(f"{name}: other {utterances_of(ours[name]).compared}")
        else:
            notes += pairs[0][0].gaps()
            shared.append(ours[name])
    groups = {mean.name: mean.of for mean in means_over(shared, ood)} | {one.name: [one.name] for one in shared}
    differences = {
        over: difference([ours[name] for name in names], [theirs[name] for name in names]) or {}
        for over, names in groups.items()
    }
    return Comparison(other.name, differences, notes)


def compare_trials(first: Experiment, other: Experiment, ood: Collection[str]) -> Comparison:
    """Under each condition without noise, and in the means in and out of domain, test set by test set."""
    ours, theirs = by_test_set(first), by_test_set(other)
    differences = {}
    for name in (name for name in ours if name in theirs):
        shared = [c for c in ours[name] if c in theirs[name]]
        groups = {str(c): [c] for c in shared if c.snr is None}
        for label, of_ood in (("Avg.", False), ("Avg., out of domain", True)):
            inside = [c for c in shared if (c.noise in ood) == of_ood]
            if len(inside) > 1:
                groups[label] = inside
        for label, group in groups.items():
            pair = difference([ours[name][c] for c in group], [theirs[name][c] for c in group])
            if pair is not None:
                differences[f"{name}: {label}" if name else label] = pair
    return Comparison(other.name, differences, [] if differences else ["other trials, speakers or bootstrap samples"])


def comparison_section(first: str, comparisons: Sequence[Comparison], names: Sequence[str]) -> Section | None:
    """Paired differences with intervals and p-values; None if there are no others.

    Args:
        first: name of the experiment that the others are compared with.
        comparisons: with it.
        names: of the metrics to show, of those that are compared.
    """
    if not comparisons:
        return None
    rows = [(other.experiment, over, row) for other in comparisons for over, row in other.differences.items()]
    names = [name for name in names if any(name in row for *_, row in rows)]
    blocks: list[Block] = []
    if rows:
        blocks = [_method(first, names), _table(names, rows)]
    how = {True: "Compared in part", False: "Not compared"}
    blocks += [
        f"{how[bool(other.differences)]}, {other.experiment}: {'; '.join(other.notes)}."
        for other in comparisons
        if other.notes
    ]
    return Section(f"Compared with {first}", blocks)


def _method(first: str, names: Sequence[str]) -> str:
    lower = [metric_of(name).label for name in names if not metric_of(name).higher_is_better]
    better = "below 0" if len(lower) == len(names) else f"above 0 ({', '.join(lower)}: below 0)" if lower else "above 0"
    return (
        f"The value of an experiment minus that of {first} [low, high], on the same bootstrap samples of speakers. "
        f"An experiment is better where this is {better}. p, two-sided, is the chance of so large a difference where "
        "there is none."
    )


def _table(names: Sequence[str], rows: Sequence[tuple[str, str, Mapping[str, Difference]]]) -> Table:
    header = ["Experiment", "Over", *(cell for name in names for cell in (metric_of(name).difference.title, "p"))]
    cells = [
        [
            name,
            over,
            *(cell for metric in names for cell in difference_cells(row.get(metric), metric_of(metric).digits)),
        ]
        for name, over, row in rows
    ]
    return Table(header, cells, text_columns=2)


def difference_cells(difference: Difference | None, digits: int) -> list[str]:
    """``+1.20 [+0.40, +2.00]`` and ``0.004``; without numbers where there is no difference."""
    if difference is None or np.isnan(difference.value):
        return [NONE, NONE]
    # No minus before a rounded zero.
    value, low, high = (f"{round(x, digits) + 0.0:+.{digits}f}" for x in difference[:3])
    unknown = np.isnan(difference.p)
    return [f"{value} [{NONE if unknown else f'{low}, {high}'}]", NONE if unknown else f"{difference.p:.2g}"]
