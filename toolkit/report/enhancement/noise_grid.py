"""Tables of estimated signals by kind of noise and SNR, of sets that form such a grid."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from toolkit.report.enhancement.audio_results import metrics_of
from toolkit.report.enhancement.audio_tables import MIXTURE, agree, metric_cell, title_of
from toolkit.report.verification.trial_tables import (
    NONE,
    Condition,
    by_condition,
    condition_header,
    condition_of,
    markdown,
    order_of,
)

_Cells = dict[Condition, dict]  # condition -> a metric's value with its interval


def grid_rows(results: Mapping) -> dict[str, dict[Condition, dict]]:
    """As :func:`toolkit.report.verification.trial_tables.by_condition`, of the sets that have one noise at one SNR."""
    sets = [one for one in results["sets"] if (condition_of(one) or (None, None))[1] is not None]
    return by_condition({**results, "sets": sets})


def columns_of(rows: Sequence[Mapping[Condition, dict]], ood: Collection[str], of_ood: bool) -> list[Condition]:
    """The conditions of some rows, those out of domain or the others, in the order of tables."""
    return sorted({c for row in rows for c in row if (c[0] in ood) == of_ood}, key=order_of)


def noise_by_snr(experiments: Sequence[Mapping], ood: Collection[str]) -> str | None:
    """Every metric of mixture, output and improvement by noise and SNR; None where the sets are no such grid.

    Args:
        experiments: gathered results, with ``means`` and ``row_means``
            (:func:`toolkit.tasks.enhancement.audio_aggregation.add_row_means`).
        ood: kinds of noise that are out of domain; they have a table of their own.
    """
    rows = [(label, row, results) for results in experiments for label, row in grid_rows(results).items()]
    conditions = [row for _, row, _ in rows]
    if len({c for row in conditions for c in row}) < 2:
        return None
    text = "Means over utterances [low, high]; improvement: output minus mixture, utterance by utterance."
    parts = ["## By noise and SNR (dB)\n", f"{text} Avg.: mean of all columns.\n"]
    for of_ood in (False, True):
        if columns := columns_of(conditions, ood, of_ood):
            average = ["Avg."] if len(columns) > 1 else []
            table = [line for name in _names(rows) for line in _lines(name, rows, columns)]
            parts += ["Out of domain:\n"] if of_ood and len(parts) > 2 else []
            parts.append(markdown(["Metric", "Experiment", *condition_header(columns), *average], table, 2))
    return "\n".join(parts)


def _names(rows: Sequence[tuple]) -> list[str]:
    return metrics_of([one for _, row, _ in rows for one in row.values()])


def _lines(name: str, rows: Sequence[tuple], columns: Sequence[Condition]) -> Iterator[list[str]]:
    """The lines of one metric: the mixture, then every experiment's output and what it improves."""
    kinds = [("", name), (": improvement", f"{name}i")]
    lines = [(label + what, *_cells(row, columns, results, metric), metric)
             for label, row, results in rows for what, metric in kinds]  # fmt: skip
    for label, cells, average, metric in [*_mixtures(name, rows, columns), *lines]:
        if cells:
            cells_of_row = [metric_cell({metric: cells[c]}, metric) if c in cells else NONE for c in columns]
            yield [title_of(name), label, *cells_of_row, *([average] if len(columns) > 1 else [])]


def _mixtures(name: str, rows: Sequence[tuple], columns: Sequence[Condition]) -> list[tuple[str, _Cells, str, str]]:
    """The mixtures of each test set, once; more than once where experiments were scored on different ones."""
    found: list[list] = []
    for label, row, results in rows:
        part, (cells, average) = _part(label, results), _cells(row, columns, results, f"{name}_mix")
        others = [one for one in found if one[0] == part]
        same = next((one for one in others if agree(cells, one[2])), None)
        if same is None:
            who = MIXTURE + part + (f" ({results['experiment']})" if others else "")
            found.append([part, who, cells, average])
        else:
            same[2:] = cells | same[2], average if same[3] == NONE else same[3]
    return [(who, cells, average, f"{name}_mix") for _, who, cells, average in found]


def _cells(row: Mapping[Condition, dict], columns: Sequence[Condition], results: Mapping, metric: str):
    """Its value in each column that has one, and the cell of their mean."""
    cells = {c: row[c]["metrics"][metric] for c in columns if c in row and metric in row[c]["metrics"]}
    names = {row[c]["set"] if c in row else None for c in columns}
    means = [*results.get("means", []), *results.get("row_means", [])]
    return cells, next((metric_cell(one["metrics"], metric) for one in means if set(one["of"]) == names), NONE)


def _part(label: str, results: Mapping) -> str:
    """``: test``, where an experiment has rows for several test sets."""
    return label.removeprefix(results["experiment"])
