"""Tables of enhancement and extraction by kind of noise and SNR, for sets that form such a grid."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from toolkit.report.blocks import Block, Section, Table
from toolkit.report.enhancement.audio_results import metrics_of
from toolkit.report.enhancement.audio_tables import MIXTURE, agree, metric_cell, title_of
from toolkit.report.verification.trial_tables import (
    NONE,
    Condition,
    by_condition,
    condition_header,
    condition_of,
    order_of,
)

_Cells = dict[Condition, dict]  # condition -> a metric's value with its interval


def grid_rows(results: Mapping) -> dict[str, dict[Condition, dict]]:
    """As :func:`toolkit.report.verification.trial_tables.by_condition`, for sets with one noise at one SNR."""
    sets = [set_result for set_result in results["sets"] if (condition_of(set_result) or (None, None))[1] is not None]
    return by_condition({**results, "sets": sets})


def columns_of(rows: Sequence[Mapping[Condition, dict]], ood: Collection[str], of_ood: bool) -> list[Condition]:
    """The conditions of the rows, either out of domain or in domain, in the order of tables."""
    return sorted({c for row in rows for c in row if (c[0] in ood) == of_ood}, key=order_of)


def noise_by_snr(experiments: Sequence[Mapping], ood: Collection[str]) -> Section | None:
    """Every metric of mixture, output and improvement by noise and SNR; None if the sets form no grid.

    Args:
        experiments: collected results, with ``means`` and ``row_means``
            (:func:`toolkit.tasks.enhancement.audio_aggregation.add_row_means`).
        ood: kinds of noise that are out of domain; they have a separate table.
    """
    rows = [(label, row, results) for results in experiments for label, row in grid_rows(results).items()]
    conditions = [row for _, row, _ in rows]
    if len({c for row in conditions for c in row}) < 2:
        return None
    text = "Means over utterances [low, high]; improvement: output minus mixture, utterance by utterance."
    parts: list[Block] = [f"{text} Avg.: mean of all columns."]
    for of_ood in (False, True):
        if columns := columns_of(conditions, ood, of_ood):
            average = ["Avg."] if len(columns) > 1 else []
            table = [line for name in _names(rows) for line in _lines(name, rows, columns)]
            parts += ["Out of domain:"] if of_ood and len(parts) > 1 else []
            parts.append(Table(["Metric", "Experiment", *condition_header(columns), *average], table, 2))
    return Section("By noise and SNR (dB)", parts)


def _names(rows: Sequence[tuple]) -> list[str]:
    return metrics_of([set_result for _, row, _ in rows for set_result in row.values()])


def _lines(name: str, rows: Sequence[tuple], columns: Sequence[Condition]) -> Iterator[list[str]]:
    """The lines of one metric: the mixture, then output and improvement of every experiment."""
    kinds = [("", name), (": improvement", f"{name}i")]
    lines = [(label + what, *_cells(row, columns, results, metric), metric)
             for label, row, results in rows for what, metric in kinds]  # fmt: skip
    for label, cells, average, metric in [*_mixtures(name, rows, columns), *lines]:
        if cells:
            cells_of_row = [metric_cell({metric: cells[c]}, metric) if c in cells else NONE for c in columns]
            yield [title_of(name), label, *cells_of_row, *([average] if len(columns) > 1 else [])]


def _mixtures(name: str, rows: Sequence[tuple], columns: Sequence[Condition]) -> list[tuple[str, _Cells, str, str]]:
    """The distinct mixtures of each test set; more than one if experiments were scored on different mixtures."""
    unique_mixtures: list[list] = []
    for label, row, results in rows:
        part, (cells, average) = _part(label, results), _cells(row, columns, results, f"{name}_mix")
        others = [mixture for mixture in unique_mixtures if mixture[0] == part]
        same = next((mixture for mixture in others if agree(cells, mixture[2])), None)
        if same is None:
            who = MIXTURE + part + (f" ({results['experiment']})" if others else "")
            unique_mixtures.append([part, who, cells, average])
        else:
            same[2:] = cells | same[2], average if same[3] == NONE else same[3]
    return [(who, cells, average, f"{name}_mix") for _, who, cells, average in unique_mixtures]


def _cells(row: Mapping[Condition, dict], columns: Sequence[Condition], results: Mapping, metric: str):
    """Values of a metric by column, and the cell of their mean."""
    cells = {c: row[c]["metrics"][metric] for c in columns if c in row and metric in row[c]["metrics"]}
    names = {row[c]["set"] if c in row else None for c in columns}
    means = [*results.get("means", []), *results.get("row_means", [])]
    return cells, next((metric_cell(mean["metrics"], metric) for mean in means if set(mean["of"]) == names), NONE)


def _part(label: str, results: Mapping) -> str:
    """``: test`` if an experiment has rows for several test sets, else empty."""
    return label.removeprefix(results["experiment"])
