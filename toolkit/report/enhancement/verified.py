"""Error rates of speaker verification on enhanced, noisy and clean audio."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from toolkit.report.blocks import Block, Section, Table
from toolkit.report.bootstrap_samples import difference
from toolkit.report.comparison import difference_cells
from toolkit.report.origin import interval_method
from toolkit.report.summaries import Condition, Experiment
from toolkit.report.verification.trial_results import collect
from toolkit.report.verification.trial_tables import (
    NONE,
    Row,
    average_eer,
    by_test_set,
    columns_of,
    condition_header,
    interval_cell,
    row_label,
)

_ENHANCED, _SCORES = "enhanced", "scores/*/metrics.json"


def collect_verified(experiments: Sequence[Experiment]) -> dict[str, list[Experiment]]:
    """Scores of verification systems on the outputs of experiments.

    Reads ``<experiment>/sv_<x>/enhanced`` and ``enhanced_<variant>`` and, beside the first experiment, ``sv_<x>/noisy``
    and ``sv_<x>/clean``, each by :func:`toolkit.report.verification.trial_results.collect`.

    Returns:
        ``sv_<x>`` -> collected results, noisy first, clean last; their names are the labels of rows. Results of outputs
        have ``enhancer`` and ``beta``, as the variant declares it. Noisy and clean audio keep only sets of the outputs.

    Raises:
        InputError: a file is malformed.
    """
    rows_by_system: dict[str, list[Experiment]] = {}
    for results in experiments:
        betas = {_ENHANCED: 0.0}
        for name, scores in results.variants.items():
            if scores.sets[0].variant.get("parameter") == "observation":
                betas[f"{_ENHANCED}_{name}"] = scores.sets[0].variant["value"]
        for folder in sorted(Path(results.expdir).glob(f"sv_*/{_ENHANCED}*")):
            if folder.name in betas and any(folder.glob(_SCORES)):
                beta = betas[folder.name]
                row = _row(folder, f"{results.name}: enhanced" + (f", beta {beta:g}" if beta else ""))
                row.enhancer, row.beta = results.name, beta
                rows_by_system.setdefault(folder.parent.name, []).append(row)
    for name, rows in rows_by_system.items():
        names = {one.name for row in rows for one in row.sets}
        beside = Path(experiments[0].expdir).parent / name
        for audio, place in (("noisy", 0), ("clean", len(rows) + 1)):
            if any((beside / audio).glob(_SCORES)):
                row = _row(beside / audio, audio)
                rows.insert(place, replace(row, sets=[one for one in row.sets if one.name in names]))
    return rows_by_system


def _row(folder: Path, label: str) -> Experiment:
    results = collect(folder)
    for place, one in enumerate(results.sets):
        if one.condition.is_mixed:  # it counts as a separate condition
            results.sets[place] = replace(one, condition=Condition(one.name, None))
    results.name = label
    return results


def verification(name: str, rows: Sequence[Experiment], ood: Collection[str]) -> Section:
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
    labelled = [(results.name, *pair) for results in rows for pair in by_test_set(results).items()]
    for of_ood in (False, True):
        if columns := columns_of([row for *_, row in labelled], ood, of_ood):
            average = ["Avg."] if len(columns) > 1 else []
            parts += ["Out of domain:"] if of_ood and len(parts) > 1 else []
            header = ["Audio", *condition_header(columns), *average, "Minus noisy (points)", "p"]
            parts.append(Table(header, list(_lines(labelled, columns))))
    return Section(f"EER (%) of {name} on noisy, enhanced and clean audio", parts)


def _lines(labelled: Sequence[tuple[str, str, Row]], columns: Sequence[Condition]) -> Iterator[list[str]]:
    noisy = {test_set: row for name, test_set, row in labelled if name == "noisy"}
    for name, test_set, row in labelled:
        if not any(c in row for c in columns):
            continue
        cells = [interval_cell(row[c].metrics["eer"], 2) if c in row else NONE for c in columns]
        if len(columns) > 1:
            whole = all(c in row for c in columns)
            cells.append(interval_cell(average_eer([row[c] for c in columns]), 2) if whole else NONE)
        before = noisy.get(test_set, {})
        yield [
            row_label(name, test_set),
            *cells,
            *(_against(before, row, columns) if row is not before else [NONE, NONE]),
        ]


def _against(before: Row, row: Row, columns: Sequence[Condition]) -> list[str]:
    if not all(c in before and c in row for c in columns):
        return [NONE, NONE]
    differences = difference([before[c] for c in columns], [row[c] for c in columns])
    return [NONE, NONE] if differences is None else difference_cells(differences["eer"], 2)
