"""Tables of verification, from collected results (see :mod:`toolkit.report.verification.trial_results`)."""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

from toolkit.io.errors import InputError
from toolkit.report.blocks import Section, Table
from toolkit.report.bootstrap_samples import average_interval
from toolkit.report.verification.trial_results import METRICS

NONE = "-"  # a cell without a number
TITLES = ("EER (%)", "minDCF(0.01)", "minDCF(0.05)")  # of METRICS
DIGITS = (2, 3, 3)

Condition = tuple[str, float | None]  # kind of noise, SNR in dB; ("clean", None)


def condition_of(set_result: Mapping) -> Condition | None:
    """The condition of a set; None if it mixes several."""
    noise, snr = set_result["condition"]["noise"], set_result["condition"]["snr"]
    return None if "mixed" in (noise, snr) else (noise, snr)


def by_condition(results: Mapping) -> dict[str, dict[Condition, dict]]:
    """Row label -> condition -> set.

    If no condition occurs twice: one row, named after the experiment. Otherwise, or with ``names_test_set``
    (:func:`name_test_sets`), a row for every test set; its noisy versions are named after it,
    ``<test set>_<noise>_<snr>``.

    Raises:
        InputError: two sets have the same condition and the same name but for the condition.
    """
    sets = [
        (cast(Condition, condition_of(set_result)), set_result)
        for set_result in results["sets"]
        if condition_of(set_result) is not None
    ]
    several = results.get("names_test_set", False) or len({condition for condition, _ in sets}) < len(sets)
    rows: dict[str, dict[Condition, dict]] = {}
    for condition, set_result in sets:
        label = f"{results['experiment']}: {_test_set(set_result, condition)}" if several else results["experiment"]
        row = rows.setdefault(label, {})
        if condition in row:
            raise InputError(
                f"{results['expdir']}: sets {row[condition]['set']} and {set_result['set']} both hold the condition "
                f"'{condition_name(condition)}'; name sets <test set>_<noise>_<snr>"
            )
        row[condition] = set_result
    return rows


def name_test_sets(experiments: Sequence[dict]) -> None:
    """Where one experiment has several test sets, the rows of those that were scored on one of them name it too."""
    several = [len(by_condition(results)) > 1 for results in experiments]
    if any(several):
        for results, has_several in zip(experiments, several, strict=True):
            if not has_several:
                results["names_test_set"] = True


def _test_set(set_result: Mapping, condition: Condition) -> str:
    noise, snr = condition
    return set_result["set"].removesuffix(f"_{noise}" if snr is None else f"_{noise}_{snr:g}")


def condition_name(condition: Condition) -> str:
    """``clean``, ``babble, 5 dB``."""
    noise, snr = condition
    return noise if snr is None else f"{noise}, {snr:g} dB"


def order_of(condition: Condition | None) -> tuple:
    """Sort key: clean first, then by noise and SNR; mixed conditions (None) last."""
    if condition is None:
        return (2,)
    noise, snr = condition
    return int(noise != "clean"), noise, float("-inf") if snr is None else snr


def condition_matrix(
    experiments: Sequence[Mapping], ood: Collection[str] = (), *, of_ood: bool = False
) -> Table | None:
    """EER (%) by condition, a row for every experiment: clean, then each kind of noise at each SNR, then their mean.

    Args:
        experiments: collected results.
        ood: kinds of noise that are out of domain.
        of_ood: show only these kinds; else only the others.

    Returns:
        The table, or None if there is no such condition. ``Avg.`` is the mean of all columns, with an interval if
        the bootstrap samples of the sets are of the same speakers; a row that lacks a column has none.
    """
    rows = [pair for results in experiments for pair in by_condition(results).items()]
    columns = sorted({c for _, row in rows for c in row if (c[0] in ood) == of_ood}, key=order_of)
    if not columns:
        return None
    cells = []
    for label, row in rows:
        values = [row[c]["metrics"]["eer"]["value"] if c in row else None for c in columns]
        if any(value is not None for value in values):
            cells.append([label, *(NONE if v is None else f"{v:.2f}" for v in values)])
            if len(columns) == 1:
                cells[-1] += cells[-1][1:]
            else:
                cells[-1].append(NONE if None in values else average_cell([row[c] for c in columns]))
    return Table(["Experiment", *condition_header(columns), "Avg."], cells)


def condition_header(columns: Sequence[Condition]) -> list[str]:
    """``Clean``, ``Babble, 0 dB``: heads of columns."""
    names = map(condition_name, columns)
    return [name[:1].upper() + name[1:] for name in names]


def average_cell(sets: Sequence[Mapping]) -> str:
    """``4.56 [4.10, 5.02]``: the mean EER of sets, in %."""
    average = average_eer(sets)
    interval = "" if average["low"] is None else f" [{average['low']:.2f}, {average['high']:.2f}]"
    return f"{average['value']:.2f}{interval}"


def average_eer(sets: Sequence[Mapping]) -> dict:
    """``{"value", "low", "high"}`` of the mean EER of sets, in %. low and high are None if the bootstrap samples differ
    in speakers or seed."""
    if len(sets) == 1:
        return sets[0]["metrics"]["eer"]
    low, high = average_interval(sets, "eer") or (None, None)
    return {"value": mean_of_metric(sets, "eer"), "low": low, "high": high}


def mean_of_metric(sets: Sequence[Mapping], metric: str) -> float:
    """The mean over sets, in the metric's unit."""
    return sum(set_result["metrics"][metric]["value"] for set_result in sets) / len(sets)


def interval_cell(metric: Mapping, digits: int) -> str:
    """``4.56 [4.10, 5.02]``."""
    value, low, high = metric["value"], metric["low"], metric["high"]
    interval = NONE if low is None else f"{low:.{digits}f}, {high:.{digits}f}"
    return f"{value:.{digits}f} [{interval}]"


def detail_table(experiments: Sequence[Mapping]) -> Table:
    """Every set of every experiment: all metrics with intervals, and the numbers of speakers and trials."""
    rows = []
    for results in experiments:
        for set_result in sorted(results["sets"], key=lambda set_result: order_of(condition_of(set_result))):
            noise, snr = set_result["condition"]["noise"], set_result["condition"]["snr"]
            rows.append(
                [
                    results["experiment"],
                    set_result["set"],
                    noise,
                    NONE if snr is None else str(snr),
                    *(
                        interval_cell(set_result["metrics"][name], digits)
                        for name, digits in zip(METRICS, DIGITS, strict=True)
                    ),
                    *(f"{set_result[count]:,}" for count in ("n_speakers", "n_target", "n_nontarget")),
                ]
            )
    header = ["Experiment", "Set", "Noise", "SNR (dB)", *TITLES]
    return Table([*header, "Speakers", "Targets", "Nontargets"], rows, text_columns=3)


def kind_of(condition: Condition, ood: Collection[str]) -> str:
    """``clean``, ``in noise``, ``out of domain``."""
    noise, _ = condition
    return "clean" if noise == "clean" else "out of domain" if noise in ood else "in noise"


def _groups(results: Mapping, ood: Collection[str]) -> dict[str, list[dict]]:
    """``<test set>, clean`` (in noise, out of domain) -> its sets; then each set that mixes conditions."""
    groups: dict[str, list[dict]] = {}
    for label, row in by_condition(results).items():
        name = label.removeprefix(results["experiment"]).removeprefix(": ") or "test"
        for condition, set_result in sorted(row.items(), key=lambda pair: kind_of(pair[0], ood)):
            groups.setdefault(f"{name}, {kind_of(condition, ood)}", []).append(set_result)
    mixed = [set_result for set_result in results["sets"] if condition_of(set_result) is None]
    return groups | {set_result["set"]: [set_result] for set_result in mixed}


def summary(experiments: Sequence[Mapping], ood: Collection[str]) -> Section:
    """EER and minDCF(0.05) by test set, the format of SEED's Table 1; noisy ones are means over kinds and SNRs."""
    rows = [(results["experiment"], _groups(results, ood)) for results in experiments]
    columns = list(dict.fromkeys(name for _, groups in rows for name in groups))
    cells = []
    for label, groups in rows:
        row = [label]
        for name in columns:
            sets = groups.get(name)
            row += [NONE, NONE] if sets is None else [average_cell(sets), f"{mean_of_metric(sets, 'min_dcf_0.05'):.3f}"]
        cells.append(row)
    header = ["System", *(cell for name in columns for cell in (f"{name}: EER (%)", "minDCF"))]
    text = "Value [low, high]; in noise: mean over kinds of noise and SNRs; minDCF: P(target) = 0.05."
    return Section("EER and minDCF by test set", [text, Table(header, cells)], folded=False)


def condition_sections(experiments: Sequence[Mapping], ood: Collection[str]) -> list[Section]:
    """EER by condition, apart for kinds of noise that are out of domain, and every condition with all metrics."""
    headings = (("EER (%) by noise and SNR (dB)", False), ("EER (%) under out-of-domain noise", True))
    matrices = [(heading, condition_matrix(experiments, ood, of_ood=of_ood)) for heading, of_ood in headings]
    sections = [
        Section(heading, [table, "Avg.: mean of all columns [low, high]."]) for heading, table in matrices if table
    ]
    return [*sections, Section("Every condition", ["Value [low, high].", detail_table(experiments)])]
