"""Further sections of RESULTS.md: comparisons, calibration, groups of trials."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from toolkit.metrics.statistics.paired import Difference
from toolkit.metrics.verification.registry import MAIN, METRICS
from toolkit.report.blocks import Block, Section, Table
from toolkit.report.bootstrap_samples import difference
from toolkit.report.summaries import Experiment, Summary
from toolkit.report.verification.trial_tables import (
    NONE,
    TITLES,
    by_test_set,
    metric_cell,
)

_CALIBRATION = [name for name in METRICS if name not in MAIN]


def sections(experiments: Sequence[Experiment], ood: Collection[str]) -> list[Section]:
    """All sections for which there are results."""
    parts = (comparison(experiments, ood), calibration(experiments), groups(experiments))
    return [part for part in parts if part is not None]


def comparison(experiments: Sequence[Experiment], ood: Collection[str]) -> Section | None:
    """Every other experiment against the first: paired differences with intervals and p-values."""
    first, others = experiments[0], experiments[1:]
    rows, unpaired = [], []
    for other in others:
        pairs = list(_differences(first, other, ood))
        rows += [
            [
                other.name,
                over,
                *(cell for name in MAIN for cell in difference_cells(differences[name], METRICS[name].digits)),
            ]
            for over, differences in pairs
            if differences is not None
        ]
        if not any(differences is not None for _, differences in pairs):
            unpaired.append(other.name)
    if not others:
        return None
    header = ["Experiment", "Over", *(cell for title in TITLES for cell in (title, "p"))]
    parts: list[Block] = []
    if rows:
        parts = [
            f"An experiment's metric minus that of {first.name} [low, high], on the same draws of speakers: "
            "below 0 it is better. p, two-sided, is the chance of so large a difference where there is none.",
            Table(header, rows, text_columns=2),
        ]
    if unpaired:
        parts.append(f"Not comparable draw by draw (other trials, speakers or draws): {', '.join(unpaired)}.")
    return Section(f"Compared with {first.name}", parts)


def _differences(
    first: Experiment, other: Experiment, ood: Collection[str]
) -> Iterator[tuple[str, dict[str, Difference] | None]]:
    """``(label, differences)``: each condition without noise, and the means in and out of domain."""
    ours, theirs = by_test_set(first), by_test_set(other)
    for name in (name for name in ours if name in theirs):
        shared = [c for c in ours[name] if c in theirs[name]]
        groups = {str(c): [c] for c in shared if c.snr is None}
        for label, of_ood in (("Avg.", False), ("Avg., out of domain", True)):
            inside = [c for c in shared if (c.noise in ood) == of_ood]
            if len(inside) > 1:
                groups[label] = inside
        for label, group in groups.items():
            over = f"{name}: {label}" if name else label
            yield over, difference([ours[name][c] for c in group], [theirs[name][c] for c in group])


def difference_cells(difference: Difference, digits: int) -> list[str]:
    """``+1.20 [+0.40, +2.00]`` and ``0.004``."""
    value, low, high = (
        f"{round(x, digits) + 0.0:+.{digits}f}" for x in difference[:3]
    )  # no minus before a rounded zero
    unknown = np.isnan(difference.p)
    return [f"{value} [{NONE if unknown else f'{low}, {high}'}]", NONE if unknown else f"{difference.p:.2g}"]


def calibration(experiments: Sequence[Experiment]) -> Section | None:
    """Detection costs and Cllr, for sets with calibrated scores."""
    rows, fits = [], {}
    for results in experiments:
        for set_result in results.sets:
            if "cllr" in set_result.metrics:
                cells = [metric_cell(set_result, name) for name in _CALIBRATION]
                rows.append([results.name, set_result.name, *cells])
                fits[results.name] = set_result.calibration
    if not rows:
        return None
    sentences = "; ".join(
        f"{name}: llr = {fit['scale']:.4g} * score {fit['offset']:+.4g} (prior {fit['p_target']:g}, by "
        f"{', '.join(fit['scores'])})"
        for name, fit in fits.items()
    )
    text = (
        "Scores turned into log-likelihood ratios by a development set. actDCF: cost at the threshold they imply, "
        "minDCF and what miscalibration adds; Cllr: cost in bits over all thresholds, 1 tells nothing; min Cllr: at "
        f"the best calibration. {sentences}."
    )
    header = ["Experiment", "Set", *(METRICS[name].title for name in _CALIBRATION)]
    return Section("Calibration", [text, Table(header, rows, text_columns=2)])


def groups(experiments: Sequence[Experiment]) -> Section | None:
    """Groups of trials, for sets that have groups."""
    rows = []
    for results in experiments:
        for set_result in results.sets:
            for fact, grouping in set_result.breakdown.items():
                start = [results.name, set_result.name, fact]
                rows += [[*start, label, *_group_cells(group)] for label, group in grouping.groups.items()]
                left_out = grouping.left_out
                if any(left_out.values()):
                    counts = [NONE, *(f"{left_out[key]:,}" for key in ("n_target", "n_nontarget"))]
                    rows.append([*start, "left out: sides differ", *[NONE] * len(MAIN), *counts, ""])
    if not rows:
        return None
    header = ["Experiment", "Set", "By", "Group", *TITLES, "Speakers", "Targets", "Nontargets", "Note"]
    text = "Trials of one group on both sides; by duration, that of the shorter side."
    return Section("Groups of trials", [text, Table(header, rows, text_columns=4)])


def _group_cells(group: Summary) -> list[str]:
    counts = group.n_speakers, group.n_target, group.n_nontarget
    return [*(metric_cell(group, name) for name in MAIN), *(f"{count:,}" for count in counts), group.note]
