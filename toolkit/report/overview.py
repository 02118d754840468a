"""What a page shows first: key figures, heat maps of noise and SNR, charts, and the experiment beside another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from toolkit.metrics.statistics.paired import Difference
from toolkit.report.blocks import Block, Card, Cell, Chart, HeatMap, Plot, Sides
from toolkit.report.bootstrap_samples import difference
from toolkit.report.charts import det_chart, interval_text, training_charts
from toolkit.report.enhancement.noise_grid import grid_rows
from toolkit.report.plots import det_choice
from toolkit.report.summaries import Condition, Estimate, Experiment, SetSummary, metric_of
from toolkit.report.verdict import Claim, Verdict, conclusion_of, gain_of, is_certain
from toolkit.report.verification.trial_results import read_run_log
from toolkit.report.verification.trial_tables import Row, by_test_set, row_label

_METRICS = ("eer", "wer", "si_sdri", "pesq_wb", "estoi", "intent_accuracy", "dnsmos_ovrl")
_MOST = 3  # heat maps of a test set
_PALE = 0.35  # largest share of colour of a difference that may be chance
_NO_VALUE = Estimate(None)


def overview(experiments: Sequence[Experiment], verdicts: Sequence[Verdict], plots: Sequence[Plot]) -> list[Block]:
    """The blocks above the sections of a page.

    Args:
        experiments: collected results, the page's own first.
        verdicts: on the trained experiments.
        plots: of the page's own.
    """
    first, *others = experiments
    by_name = {verdict.name: verdict for verdict in verdicts}
    blocks: list[Block] = [*cards(first, by_name.get(first.name)), *heat_maps(first)]
    blocks += [chart for plot in plots for chart in plot.charts]
    sides = {other.name: side_by_side(first, other, by_name) for other in others}
    return blocks + ([Sides(first.name, sides)] if sides else [])


def cards(results: Experiment, verdict: Verdict | None) -> list[Card]:
    """What is claimed of an experiment; without a claim its first set by its first metric."""
    if verdict and verdict.claims:
        return [_card_of(claim) for claim in verdict.claims]
    over = next(results.every_set)
    name = next((name for name in (*_METRICS, *over.metrics) if _value(over, name).value is not None), None)
    return [_card(over.name, name, _value(over, name))] if name else []


def _card_of(claim: Claim) -> Card:
    estimate = Estimate(claim.value, claim.low, claim.high)
    outcome = "uncertain" if not claim.is_certain else "better" if claim.gain > 0 else "worse"
    reference = f"{claim.reference}: {interval_text(Estimate(claim.reference_value), claim.metric)}"
    return _card(claim.over, claim.metric, estimate, reference, conclusion_of(claim.metric, claim.difference), outcome)


def _card(over: str, metric: str, estimate: Estimate, *rest: str) -> Card:
    value, _, interval = interval_text(estimate, metric).partition(" [")
    return Card(f"{metric_of(metric).label}, {over}", value, f"[{interval}" if interval else "", *rest)


def _value(over: SetSummary, metric: str) -> Estimate:
    return over.metrics.get(metric, _NO_VALUE)


def _grid(results: Experiment) -> dict[str, Row]:
    """Test set -> condition -> set, of test sets with noise at two conditions or more.

    Sets of clean mixtures differ in more than the noise, so they are in no map of enhancement.
    """
    first = results.sets[0].metrics
    rows = by_test_set(results) if "eer" in first or "wer" in first else grid_rows(results)
    return {name: row for name, row in rows.items() if sum(c.snr is not None for c in row) > 1}


def _metrics_of(row: Row) -> list[str]:
    """The metrics that a row has a heat map of."""
    return [name for name in _METRICS if any(_value(one, name).value is not None for one in row.values())][:_MOST]


def heat_maps(results: Experiment) -> list[HeatMap]:
    """Each of the main metrics by kind of noise and SNR, a map for each test set."""
    return [
        heat_map(f"{metric_of(metric).title}, {row_label(results.name, name)}", metric, row)
        for name, row in _grid(results).items()
        for metric in _metrics_of(row)
    ]


def heat_map(label: str, metric: str, row: Row, scale: Sequence[Row] = ()) -> HeatMap:
    """A metric by kind of noise and SNR.

    Args:
        label: what the map is of.
        metric: name of the metric.
        row: condition -> set.
        scale: rows that share the scale of colours; default: only this one.
    """
    about = metric_of(metric)
    values = [v for one in (scale or [row]) for part in one.values() if (v := _value(part, metric).value) is not None]
    low, high = min(values), max(values)

    def cell(condition: Condition) -> Cell | None:
        estimate = _value(row[condition], metric) if condition in row else _NO_VALUE
        if estimate.value is None:
            return None
        share = (estimate.value - low) / (high - low) if high > low else 0.5
        # Worse is darker, on one side of the scale: a page shows where a system fails.
        share = share if not about.higher_is_better else 1 - share
        detail = f"{condition}: {about.label} {interval_text(estimate, metric)}"
        return Cell(f"{estimate.value:.{about.digits}f}", detail, -share)

    return _map(label, row, cell)


def _map(caption: str, row: Mapping[Condition, object], cell: Callable[[Condition], Cell | None]) -> HeatMap:
    conditions = sorted((c for c in row if not c.is_mixed), key=lambda c: c.order)
    snrs: list = sorted({c.snr for c in conditions if c.snr is not None})
    rows = []
    for noise in dict.fromkeys(c.noise for c in conditions):
        if Condition(noise, None) in row:
            rows.append((noise, [cell(Condition(noise, None))]))
        if any(Condition(noise, snr) in row for snr in snrs):
            rows.append((noise, [cell(Condition(noise, snr)) for snr in snrs]))
    return HeatMap(caption, [f"{snr:g} dB" for snr in snrs], rows)


def side_by_side(first: Experiment, other: Experiment, verdicts: Mapping[str, Verdict]) -> list[Block]:
    """Key figures of both, heat maps of both and of their difference, and both in one chart."""
    blocks: list[Block] = []
    both = first, other
    for results in both:
        blocks += [_named(card, results.name) for card in cards(results, verdicts.get(results.name))]
    ours, theirs = _grid(first), _grid(other)
    for name in (name for name in ours if name in theirs):
        row, against = ours[name], theirs[name]
        shared = {condition: row[condition] for condition in row if condition in against}
        changes = _changes(shared, against)
        for metric in _metrics_of(row):
            if any(metric in one.metrics for one in against.values()):
                blocks.append(f"{metric_of(metric).title}{f', {name}' if name else ''}")
                scale = [row, against]
                blocks += [
                    heat_map(results.name, metric, mine, scale) for results, mine in zip(both, scale, strict=True)
                ]
                blocks += difference_map(f"{other.name} minus {first.name}", metric, shared, changes)
    blocks += _det_of_both(first, other)
    logs = {_log(results): results.name for results in both if _log(results).is_file()}
    if len(logs) == 2:  # a variant of the outputs has the training of the first
        runs = {name: read_run_log(log) for log, name in logs.items()}
        blocks += training_charts(runs, *_trained_by(first))
    return blocks


def _named(card: Card, name: str) -> Card:
    return Card(f"{name}: {card.label}", card.value, card.interval, card.reference, card.conclusion, card.outcome)


def _log(results: Experiment) -> Path:
    return Path(results.expdir) / "metrics.jsonl"


def _trained_by(results: Experiment) -> tuple[str, str]:
    """Name and title of the metric that its validation has logged."""
    metrics = {name for one in results.sets for name in one.metrics}
    name = next((name for name in ("eer", "wer", "si_sdri") if name in metrics), "accuracy")
    return name, "accuracy" if name == "accuracy" else metric_of(name).title


def _changes(row: Row, against: Row) -> dict[Condition, Mapping[str, Difference]]:
    """The other minus the first, by condition, where the trials or utterances are the same."""
    pairs = {condition: difference([row[condition]], [against[condition]]) for condition in row}
    return {condition: change for condition, change in pairs.items() if change is not None}


def difference_map(
    what: str, metric: str, row: Row, changes: Mapping[Condition, Mapping[str, Difference]]
) -> Iterator[HeatMap]:
    """How much better or worse the minuend of ``what`` is; nothing where none of the sets can be compared."""
    paired = metric if metric != "si_sdri" else "si_sdr"  # the mixtures are the same
    about, values = metric_of(metric), {c: change[paired] for c, change in changes.items() if paired in change}
    if not values:
        return
    largest = max(abs(change.value) for change in values.values()) or 1.0

    def cell(condition: Condition) -> Cell | None:
        change = values.get(condition)
        if change is None:
            return None
        detail = f"{condition}: {about.label} {conclusion_of(metric, change)}"
        value = round(change.value, about.digits) + 0.0  # no minus before a rounded zero
        share = gain_of(metric, change) / largest * (1 if is_certain(change) else _PALE)
        return Cell(f"{value:+.{about.digits}f}", detail, share, is_certain(change))

    unit = f" ({about.difference.unit})" if about.difference.unit else ""
    yield _map(f"{what}{unit}; blue is better; • it is certain", row, cell)


def _det_of_both(first: Experiment, other: Experiment) -> Iterator[Chart]:
    if "eer" not in first.sets[0].metrics:
        return
    ours, theirs = by_test_set(first), by_test_set(other)
    for name in (name for name in ours if name in theirs):
        curves = {results.name: det_choice(rows[name]) for results, rows in ((first, ours), (other, theirs))}
        yield det_chart(curves, f"DET curves{f', {name}' if name else ''}; dashed: {other.name}")
