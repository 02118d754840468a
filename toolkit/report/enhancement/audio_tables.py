"""Tables of enhancement and extraction: the mixture and the outputs of every experiment, by set."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from toolkit.metrics.signal.registry import SAME_MIXTURE, about, metric_of
from toolkit.report.blocks import Block, Section, Table
from toolkit.report.enhancement.audio_results import metrics_of
from toolkit.report.summaries import Estimate, Experiment, SetSummary
from toolkit.report.verification.trial_tables import metric_cell

MIXTURE = "unprocessed mixture"


def title_of(name: str) -> str:
    """``SI-SDR (dB)``, ``Speaker confusion (%)``."""
    return metric_of(name).title


def missing_values(label: str, set_result: SetSummary, names: Sequence[str]) -> str:
    """``test, tse_x: 12 of 2,000 utterances have no STOI: silent estimate (12).``; empty if all have a value."""
    reasons: dict[tuple[str, str], list[str]]
    total, reasons = f"{set_result.n_utterances or 0:,}", {}
    for name in (name for name in names if name in set_result.metrics):
        metric, metric_label = set_result.metrics[name], metric_of(name).label
        if undefined := metric.undefined:
            why = ", ".join(f"{reason} ({count:,})" for reason, count in undefined.items())
            what = f"{sum(undefined.values()):,} of {total} utterances have no"
            reasons.setdefault((what, f": {why}"), []).append(metric_label)
        if infinite := metric.infinite:
            why = ", ".join(f"{word} ({count:,})" for word, count in infinite.items())
            what = f"{sum(infinite.values()):,} of {total} utterances have an infinite"
            reasons.setdefault((what, f", left out of the mean: {why}"), []).append(metric_label)
    sentence = "; ".join(f"{what} {', '.join(labels)}{why}" for (what, why), labels in reasons.items())
    return f"{label}: {sentence}." if sentence else ""


Rows = list[tuple[str, SetSummary]]  # name of an experiment, and its scores


def rows_by_set(experiments: Sequence[Experiment], *, means: bool) -> Iterator[tuple[str, Rows]]:
    """Label of a block of rows, and the rows: by set, or by mean over sets."""
    rows_by_key: dict[tuple, Rows] = {}
    for results in experiments:
        for one in results.means if means else results.sets:
            rows_by_key.setdefault((one.name, *one.of), []).append((results.name, one))
    keys = list(rows_by_key)
    if not means:
        keys.sort(key=lambda key: (*rows_by_key[key][0][1].condition.order, key))
    for key in keys:
        several = sum(other[0] == key[0] for other in keys) > 1
        yield f"{key[0]} ({', '.join(key[1:])})" if several else key[0], rows_by_key[key]


def mixtures(rows: Rows) -> Rows:
    """The distinct mixtures of a set; more than one if experiments were scored on different mixtures."""
    unique: Rows = []
    for name, one in rows:
        inputs = {key.removesuffix("_mix"): one.metrics[key] for key in one.metrics if key.endswith("_mix")}
        place = next((i for i, (_, mixture) in enumerate(unique) if agree(mixture.metrics, inputs)), None)
        if place is not None:
            label, same = unique[place]
            unique[place] = label, replace(same, metrics={**inputs, **same.metrics})
        elif inputs:
            unique.append((f"{MIXTURE} ({name})" if unique else MIXTURE, replace(one, metrics=inputs)))
    return unique


def agree(first: Mapping[Any, Estimate], second: Mapping[Any, Estimate]) -> bool:
    """Do the common values, by metric or by condition, belong to one mixture?"""
    pairs = [(first[name].value, second[name].value) for name in first if name in second]
    return all(a == b if a is None or b is None else abs(a - b) < SAME_MIXTURE for a, b in pairs)


def summary_rows(experiments: Sequence[Experiment]) -> list[tuple[str, Rows]]:
    """As :func:`rows_by_set`: means over sets, then the sets that are in no mean of their experiment."""
    unaveraged = []
    for results in experiments:
        averaged = {name for mean in results.means for name in mean.of}
        unaveraged.append(replace(results, sets=[one for one in results.sets if one.name not in averaged]))
    return [*rows_by_set(experiments, means=True), *rows_by_set(unaveraged, means=False)]


def main_table(groups: Sequence[tuple[str, Rows]], *, counts: bool) -> list[Block]:
    """Metrics of mixture and experiments over sets (from :func:`rows_by_set`), and notes on missing values."""
    set_results = [set_result for _, rows in groups for _, set_result in rows]
    names, table, notes = metrics_of(set_results), [], []
    columns = list(names)
    if any("si_sdri" in set_result.metrics for set_result in set_results):
        columns.insert(1, "si_sdri")  # after SI-SDR, which comes first
    for over, rows in groups:
        mixture_rows = mixtures(rows)
        notes += [f"{over}: the experiments' mixtures differ, their numbers are not of the same data."] * (
            len(mixture_rows) > 1
        )
        for name, set_result in [*mixture_rows, *rows]:
            numbers = [f"{n:,}" for n in (set_result.n_utterances, set_result.n_speakers)] if counts else []
            table.append([over, name, *(metric_cell(set_result, column) for column in columns), *numbers])
            notes.append(missing_values(f"{over}, {name}", set_result, names))
    header = ["Over", "Experiment", *map(title_of, columns), *(["Utterances", "Speakers"] if counts else [])]
    return [Table(header, table, text_columns=2), *filter(None, notes)]


def improvements(experiments: Sequence[Experiment]) -> Section | None:
    """Output minus mixture, by utterance; None if no mixture was scored."""
    parts = [set_result for results in experiments for set_result in results.every_set]
    names = [f"{name}i" for name in metrics_of(parts) if any(f"{name}i" in set_result.metrics for set_result in parts)]
    if not names:
        return None
    table, notes = [], []
    for means in (True, False):
        for over, rows in rows_by_set(experiments, means=means):
            for name, set_result in rows:
                table.append([over, name, *(metric_cell(set_result, column) for column in names)])
                notes.append(missing_values(f"{over}, {name}", set_result, names))
    header = ["Over", "Experiment", *(metric_of(name.removesuffix("i")).difference.title for name in names)]
    text = "Output minus unprocessed mixture [low, high], of utterances that have both values; above 0 is better."
    return Section("Improvement over the mixture", [text, Table(header, table, text_columns=2), *filter(None, notes)])


def summary(experiments: Sequence[Experiment]) -> Section:
    """Means over sets, and the sets that are in no mean of their experiment."""
    names = metrics_of([set_result for results in experiments for set_result in results.sets])
    meaning = about(names)
    table, *_ = main_table(summary_rows(experiments), counts=False)
    text = f"Means [low, high]. {meaning}{'; higher is better.' if meaning else ''}".rstrip()
    return Section("Summary", [text, table], folded=False)


def every_condition(experiments: Sequence[Experiment]) -> Section:
    """All metrics of every set."""
    tables = main_table(list(rows_by_set(experiments, means=False)), counts=True)
    return Section("Every set", ["Mean over utterances [low, high].", *tables])
