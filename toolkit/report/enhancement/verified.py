"""Error rates of speaker verification on enhanced, noisy and clean audio."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from toolkit.report.blocks import Block, Section, Table
from toolkit.report.bootstrap_samples import difference
from toolkit.report.enhancement.noise_grid import columns_of
from toolkit.report.origin import interval_method
from toolkit.report.verification.trial_results import collect
from toolkit.report.verification.trial_sections import difference_cells
from toolkit.report.verification.trial_tables import (
    NONE,
    Condition,
    average_eer,
    by_condition,
    condition_header,
    condition_of,
    interval_cell,
)

_ENHANCED = re.compile(r"enhanced(?:_beta(\d+\.?\d*|\.\d+))?")
_SCORES = "scores/*/metrics.json"


def collect_verified(experiments: Sequence[Mapping]) -> dict[str, list[dict]]:
    """Scores of verification systems on the outputs of experiments.

    Reads ``<experiment>/sv_<x>/enhanced*`` and, beside the first experiment, ``sv_<x>/noisy`` and ``sv_<x>/clean``,
    each by :func:`toolkit.report.verification.trial_results.collect`.

    Returns:
        ``sv_<x>`` -> collected results, noisy first, clean last; ``experiment`` is the label of the row. Results of
        outputs have ``enhancer``, the experiment, and ``beta``. Noisy and clean audio keep only sets of the outputs.

    Raises:
        InputError: a file is malformed.
    """
    rows_by_system: dict[str, list[dict]] = {}
    for results in experiments:
        for folder in sorted(Path(results["expdir"]).glob("sv_*/enhanced*")):
            if (match := _ENHANCED.fullmatch(folder.name)) and any(folder.glob(_SCORES)):
                label = f"{results['experiment']}: enhanced" + (f", beta {float(match[1]):g}" if match[1] else "")
                facts = {"enhancer": results["experiment"], "beta": float(match[1] or 0)}
                rows_by_system.setdefault(folder.parent.name, []).append(_row(folder, label) | facts)
    for name, rows in rows_by_system.items():
        names = {set_result["set"] for row in rows for set_result in row["sets"]}
        beside = Path(experiments[0]["expdir"]).parent / name
        for audio, place in (("noisy", 0), ("clean", len(rows) + 1)):
            if any((beside / audio).glob(_SCORES)):
                row = _row(beside / audio, audio)
                rows.insert(
                    place, row | {"sets": [set_result for set_result in row["sets"] if set_result["set"] in names]}
                )
    return rows_by_system


def _row(folder: Path, label: str) -> dict:
    results = collect(folder)
    sets = [
        set_result
        if condition_of(set_result)
        else set_result | {"condition": {"noise": set_result["set"], "snr": None}}
        for set_result in results["sets"]
    ]  # a set that mixes conditions counts as a separate condition
    return {**results, "experiment": label, "sets": sets}


def verification(name: str, rows: Sequence[Mapping], ood: Collection[str]) -> Section:
    """The section of one verification system.

    Args:
        name: of the system.
        rows: from :func:`collect_verified`.
        ood: kinds of noise that are out of domain; they have a separate table.
    """
    compared = (
        f"Compared is the equal error rate [low, high] of one system, {name}, over the same trials with both sides "
        "noisy, both enhanced, or both clean: where it is below that of noisy audio, enhancement helps to verify. "
        "Avg.: mean of all columns; minus noisy: difference to that of noisy audio over all columns, on the same draws "
        "of speakers; p, two-sided, is the chance of so large a difference where there is none."
    )
    parts: list[Block] = [f"{compared} {interval_method(rows)}"]
    labelled = [(label, row, results) for results in rows for label, row in by_condition(results).items()]
    for of_ood in (False, True):
        if columns := columns_of([row for _, row, _ in labelled], ood, of_ood):
            average = ["Avg."] if len(columns) > 1 else []
            parts += ["Out of domain:"] if of_ood and len(parts) > 1 else []
            header = ["Audio", *condition_header(columns), *average, "Minus noisy", "p"]
            parts.append(Table(header, list(_lines(labelled, columns))))
    return Section(f"EER (%) of {name} on noisy, enhanced and clean audio", parts)


def _lines(labelled: Sequence[tuple], columns: Sequence[Condition]) -> Iterator[list[str]]:
    noisy = {label: row for label, row, results in labelled if results["experiment"] == "noisy"}
    for label, row, results in labelled:
        if not any(c in row for c in columns):
            continue
        cells = [interval_cell(row[c]["metrics"]["eer"], 2) if c in row else NONE for c in columns]
        if len(columns) > 1:
            whole = all(c in row for c in columns)
            cells.append(interval_cell(average_eer([row[c] for c in columns]), 2) if whole else NONE)
        before = noisy.get(f"noisy{label.removeprefix(results['experiment'])}", {})
        yield [label, *cells, *(_against(before, row, columns) if row is not before else [NONE, NONE])]


def _against(
    before: Mapping[Condition, dict], row: Mapping[Condition, dict], columns: Sequence[Condition]
) -> list[str]:
    if not all(c in before and c in row for c in columns):
        return [NONE, NONE]
    differences = difference([before[c] for c in columns], [row[c] for c in columns])
    return [NONE, NONE] if differences is None else difference_cells(differences["eer"], 2)
