"""Further sections of RESULTS.md: comparisons, calibration, groups of trials."""

from collections.abc import Collection, Sequence

from toolkit.metrics.verification.registry import MAIN, METRICS
from toolkit.report.blocks import Section, Table
from toolkit.report.comparison import compare_trials, comparison_section
from toolkit.report.summaries import Experiment, Summary
from toolkit.report.verification.trial_tables import NONE, TITLES, metric_cell

_CALIBRATION = [name for name in METRICS if name not in MAIN]


def sections(experiments: Sequence[Experiment], ood: Collection[str]) -> list[Section]:
    """All sections for which there are results."""
    first, *others = experiments
    comparisons = [compare_trials(first, other, ood) for other in others]
    parts = (comparison_section(first.name, comparisons, MAIN), calibration(experiments), groups(experiments))
    return [part for part in parts if part is not None]


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
