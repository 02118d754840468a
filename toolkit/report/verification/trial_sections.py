"""Sections of RESULTS.md beyond the error rates: comparisons, calibration, groups of trials."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from toolkit.metrics.statistics.paired import Difference
from toolkit.report.bootstrap_samples import difference
from toolkit.report.verification.trial_results import METRICS
from toolkit.report.verification.trial_tables import (
    DIGITS,
    NONE,
    TITLES,
    by_condition,
    condition_name,
    interval_cell,
    markdown,
)

_CALIBRATION = {"act_dcf_0.01": "actDCF(0.01)", "act_dcf_0.05": "actDCF(0.05)", "cllr": "Cllr", "min_cllr": "min Cllr"}


def sections(experiments: Sequence[dict], ood: Collection[str]) -> list[str]:
    """All sections that there is something for."""
    parts = (comparison(experiments, ood), calibration(experiments), breakdown(experiments))
    return [part for part in parts if part is not None]


def comparison(experiments: Sequence[dict], ood: Collection[str]) -> str | None:
    """Every other experiment against the first: differences with intervals and p-values, paired draw by draw."""
    first, others = experiments[0], experiments[1:]
    rows, apart = [], []
    for other in others:
        pairs = list(_differences(first, other, ood))
        rows += [[other["experiment"], over, *_difference_cells(one)] for over, one in pairs if one is not None]
        if not any(one is not None for _, one in pairs):
            apart.append(other["experiment"])
    if not others:
        return None
    header = ["Experiment", "Over", *(cell for title in TITLES for cell in (title, "p"))]
    parts = [f"## Compared with {first['experiment']}\n"]
    if rows:
        parts += [
            f"An experiment's metric minus that of {first['experiment']} [low, high], on the same draws of speakers: "
            "below 0 it is better. p, two-sided, is the chance of so large a difference where there is none.\n",
            markdown(header, rows, text_columns=2),
        ]
    if apart:
        parts.append(f"Not comparable draw by draw (other trials, speakers or draws): {', '.join(apart)}.\n")
    return "\n".join(parts)


def _differences(first: dict, other: dict, ood: Collection[str]) -> Iterator[tuple[str, dict[str, Difference] | None]]:
    """``(over what, differences)``: each condition without noise, and the means in and out of domain."""
    ours, theirs = ({_test_set(label, one): row for label, row in by_condition(one).items()} for one in (first, other))
    for name in (name for name in ours if name in theirs):
        prefix, shared = f"{name}: " if name else "", [c for c in ours[name] if c in theirs[name]]
        groups = {condition_name(c): [c] for c in shared if c[1] is None}
        for label, of_ood in (("Avg.", False), ("Avg., out of domain", True)):
            inside = [c for c in shared if (c[0] in ood) == of_ood]
            if len(inside) > 1:
                groups[label] = inside
        for label, group in groups.items():
            yield prefix + label, difference([ours[name][c] for c in group], [theirs[name][c] for c in group])


def _test_set(label: str, results: dict) -> str:
    return label.removeprefix(results["experiment"]).removeprefix(": ")


def _difference_cells(differences: dict[str, Difference]) -> list[str]:
    cells = []
    for metric, digits in zip(METRICS, DIGITS, strict=True):
        cells += difference_cells(differences[metric], digits)
    return cells


def difference_cells(difference: Difference, digits: int) -> list[str]:
    """``+1.20 [+0.40, +2.00]`` and ``0.004``."""
    value, low, high = (
        f"{round(x, digits) + 0.0:+.{digits}f}" for x in difference[:3]
    )  # no minus before a rounded zero
    unknown = np.isnan(difference.p)
    return [f"{value} [{NONE if unknown else f'{low}, {high}'}]", NONE if unknown else f"{difference.p:.2g}"]


def calibration(experiments: Sequence[dict]) -> str | None:
    """Costs of the calibrated scores, of the sets that have them."""
    rows, fits = [], {}
    for results in experiments:
        for one in results["sets"]:
            if "cllr" in one["metrics"]:
                cells = [interval_cell(one["metrics"][name], 3) for name in _CALIBRATION]
                rows.append([results["experiment"], one["set"], *cells])
                fits[results["experiment"]] = one["calibration"]
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
        f"the best calibration. {sentences}.\n"
    )
    header = ["Experiment", "Set", *_CALIBRATION.values()]
    return "\n".join(["## Calibration\n", text, markdown(header, rows, text_columns=2)])


def breakdown(experiments: Sequence[dict]) -> str | None:
    """Groups of trials, of the sets that were broken down."""
    rows = []
    for results in experiments:
        for one in results["sets"]:
            for fact, found in one.get("breakdown", {}).items():
                start = [results["experiment"], one["set"], fact]
                rows += [[*start, label, *_group_cells(group)] for label, group in found["groups"].items()]
                left_out = found["left_out"]
                if any(left_out.values()):
                    counts = [NONE, *(f"{left_out[key]:,}" for key in ("n_target", "n_nontarget"))]
                    rows.append([*start, "left out: sides differ", *[NONE] * len(METRICS), *counts, ""])
    if not rows:
        return None
    header = ["Experiment", "Set", "By", "Group", *TITLES, "Speakers", "Targets", "Nontargets", "Note"]
    text = "Trials of one group on both sides; by duration, that of the shorter side.\n"
    return "\n".join(["## Groups of trials\n", text, markdown(header, rows, text_columns=4)])


def _group_cells(group: dict) -> list[str]:
    metrics = group["metrics"]
    cells = [
        NONE if metrics is None else interval_cell(metrics[name], digits)
        for name, digits in zip(METRICS, DIGITS, strict=True)
    ]
    return [*cells, *(f"{group[count]:,}" for count in ("n_speakers", "n_target", "n_nontarget")), group["note"]]
