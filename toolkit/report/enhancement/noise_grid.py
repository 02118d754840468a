"""Tables of enhancement and extraction by kind of noise and SNR, for sets that form such a grid."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from toolkit.report.blocks import Block, Section, Table
from toolkit.report.enhancement.audio_results import metrics_of
from toolkit.report.enhancement.audio_tables import MIXTURE, agree, title_of
from toolkit.report.summaries import Condition, Estimate, Experiment, Summary
from toolkit.report.verification.trial_tables import (
    NONE,
    Row,
    by_test_set,
    columns_of,
    condition_header,
    metric_cell,
    row_label,
)

_Cells = dict[Condition, Estimate]


class _Scored(NamedTuple):
    """A test set of an experiment, by condition."""

    results: Experiment
    test_set: str
    row: Row


def grid_rows(results: Experiment) -> dict[str, Row]:
    """As :func:`toolkit.report.verification.trial_tables.by_test_set`, for sets with one noise at one SNR."""
    sets = [one for one in results.sets if not (one.condition.is_mixed or one.condition.snr is None)]
    return by_test_set(replace(results, sets=sets))


def noise_by_snr(experiments: Sequence[Experiment], ood: Collection[str]) -> Section | None:
    """Every metric of mixture, output and improvement by noise and SNR; None if the sets form no grid.

    Args:
        experiments: collected results, with ``means`` and ``row_means``
            (toolkit.tasks.enhancement.audio_report).
        ood: kinds of noise that are out of domain; they have a separate table.
    """
    rows = [_Scored(results, *pair) for results in experiments for pair in grid_rows(results).items()]
    conditions = [scored.row for scored in rows]
    if len({c for row in conditions for c in row}) < 2:
        return None
    text = "Means over utterances [low, high]; improvement: output minus mixture, utterance by utterance."
    parts: list[Block] = [f"{text} Avg.: mean of all columns."]
    names = metrics_of([one for row in conditions for one in row.values()])
    for of_ood in (False, True):
        if columns := columns_of(conditions, ood, of_ood):
            average = ["Avg."] if len(columns) > 1 else []
            table = [line for name in names for line in _lines(name, rows, columns)]
            parts += ["Out of domain:"] if of_ood and len(parts) > 1 else []
            parts.append(Table(["Metric", "Experiment", *condition_header(columns), *average], table, 2))
    return Section("By noise and SNR (dB)", parts)


def _lines(name: str, rows: Sequence[_Scored], columns: Sequence[Condition]) -> Iterator[list[str]]:
    """The lines of one metric: the mixture, then output and improvement of every experiment."""
    lines = _mixtures(name, rows, columns)
    for scored in rows:
        label = row_label(scored.results.name, scored.test_set)
        lines += [(label, *_cells(scored, columns, name), name)]
        lines += [(f"{label}: improvement", *_cells(scored, columns, f"{name}i"), f"{name}i")]
    for label, cells, average, metric in lines:
        if cells:
            shown = [_cell(cells[c], metric) if c in cells else NONE for c in columns]
            yield [title_of(name), label, *shown, *([average] if len(columns) > 1 else [])]


def _mixtures(name: str, rows: Sequence[_Scored], columns: Sequence[Condition]) -> list[tuple[str, _Cells, str, str]]:
    """The distinct mixtures of each test set; more than one if experiments were scored on different mixtures."""
    unique: list[list] = []
    for scored in rows:
        cells, average = _cells(scored, columns, f"{name}_mix")
        others = [mixture for mixture in unique if mixture[0] == scored.test_set]
        same = next((mixture for mixture in others if agree(cells, mixture[2])), None)
        if same is None:
            who = row_label(MIXTURE, scored.test_set) + (f" ({scored.results.name})" if others else "")
            unique.append([scored.test_set, who, cells, average])
        else:
            same[2:] = cells | same[2], average if same[3] == NONE else same[3]
    return [(who, cells, average, f"{name}_mix") for _, who, cells, average in unique]


def _cells(scored: _Scored, columns: Sequence[Condition], metric: str) -> tuple[_Cells, str]:
    """Values of a metric by column, and the cell of their mean."""
    results, row = scored.results, scored.row
    cells = {c: row[c].metrics[metric] for c in columns if c in row and metric in row[c].metrics}
    names = {row[c].name if c in row else None for c in columns}
    means = [*results.means, *results.row_means]
    return cells, next((metric_cell(mean, metric) for mean in means if set(mean.of) == names), NONE)


def _cell(estimate: Estimate, metric: str) -> str:
    return metric_cell(Summary({metric: estimate}), metric)
