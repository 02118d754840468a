"""Metrics by the weight alpha of a multitask loss and the share beta of the mixture that is added to the output.

As in Figure 3 of SSL-MSE (Sato et al. 2025), with observation adding beside it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from toolkit.metrics.signal.registry import metric_of
from toolkit.report.blocks import Section, Table
from toolkit.report.enhancement.audio_results import has_value, metrics_of, swept
from toolkit.report.enhancement.audio_tables import title_of
from toolkit.report.enhancement.downstream_tables import Downstream
from toolkit.report.summaries import Estimate, Experiment, Scores
from toolkit.report.verification.trial_tables import NONE, average_eer, interval_cell

# Keys in which experiments of one kind may differ besides alpha.
_PLACES = ("expdir", "train_dir", "valid_dirs", "init_from")


class Weighed(NamedTuple):
    """A metric of one experiment at one beta.

    Attributes:
        over: the set, or the label of the mean over sets.
        metric: its title.
        digits: after the decimal point.
        loss: the loss beside the SNR loss; for an experiment without alpha, its whole loss.
        alpha: weight of the SNR loss; None if the experiment has none.
        experiment: its name.
        beta: share of the mixture.
        estimate: the metric.
    """

    over: str
    metric: str
    digits: int
    loss: str
    alpha: float | None
    experiment: str
    beta: float
    estimate: Estimate


def weight_points(
    experiments: Sequence[Experiment],
    verified: Mapping[str, Sequence[Experiment]],
    downstream: Downstream | None = None,
) -> list[Weighed]:
    """Metrics of experiments that differ in alpha, and of the same network without alpha; may be empty.

    Args:
        experiments: collected results, with means.
        verified: error rates of their outputs (:func:`toolkit.report.enhancement.verified.collect_verified`).
        downstream: metrics of systems on their outputs.
    """
    weighed = [(*weight, results) for results in experiments if (weight := _weight(results))]
    weighed = [row for row in weighed if len({other_row[2] for other_row in weighed if other_row[0] == row[0]}) > 1]
    if not weighed:
        return []
    labels = {kind: label for kind, label, *_ in weighed}
    for kind, label, _, results in reversed(weighed):
        if sum(other == label for other in labels.values()) > 1:
            labels[kind] = f"{label}, as {results.name}"
    networks = [(results.config or {}).get("model") for *_, results in weighed]
    plain = [results for results in experiments if _weight(results) is None and _of_networks(results, networks)]
    rows: list[tuple[str, float | None, Experiment]] = [(_loss(results), None, results) for results in plain]
    rows += sorted(((labels[kind], alpha, results) for kind, _, alpha, results in weighed), key=lambda row: row[:2])
    points = []
    for loss, alpha, results in rows:
        more = downstream.points(results) if downstream else ()
        for over, metric, digits, beta, estimate in [*_metrics(results), *_rates(results, verified), *more]:
            points.append(Weighed(over, metric, digits, loss, alpha, results.name, beta, estimate))
    # A metric that only experiments without alpha have makes no curve.
    swept_by = {point.metric for point in points if point.alpha is not None}
    return [point for point in points if point.metric in swept_by]


def main_panels(points: Sequence[Weighed], downstream: Downstream | None) -> list[Weighed]:
    """Points of outputs without the mixture, of up to four metrics: SDR, DNSMOS OVRL, WER of the first pipeline on a
    self-supervised model, WER of Whisper, as in figure 3 of SSL-MSE; empty without a downstream system."""
    systems = [*downstream.systems.values()] if downstream else []
    asr = [system for system in systems if system.kind == "asr"]
    pipeline = next((system.title for system in asr if system.ssl), None)
    whisper = next((system.title for system in asr if system.name.startswith("whisper")), None)
    shown = [title_of("sdr"), title_of("dnsmos_ovrl"), pipeline, whisper]
    chosen = [point for name in shown for point in points if point.metric == name and point.beta == 0]
    return chosen if {pipeline, whisper} & {point.metric for point in chosen} else []


def _weight(results: Experiment) -> tuple[str, str, float] | None:
    """The config without alpha (as JSON), the name of its loss, and alpha; None if it has no alpha."""
    config = json.loads(json.dumps(results.config or {}, default=str))
    try:
        arguments = config["loss"]["init_args"]
        alpha, label = float(arguments.pop("alpha")), class_name(arguments["loss"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    shared_config = {key: value for key, value in config.items() if key not in _PLACES}
    return json.dumps(shared_config, sort_keys=True), label, alpha


def _of_networks(results: Experiment, networks: Sequence) -> bool:
    return bool(results.config and results.config.get("model") in networks and _loss(results))


def _loss(results: Experiment) -> str:
    try:
        return class_name((results.config or {})["loss"])
    except (KeyError, TypeError, AttributeError):
        return ""


def class_name(block: Mapping) -> str:
    return block["class_path"].rpartition(".")[2]


def _metrics(results: Experiment) -> Iterator[tuple]:
    """Set, title, digits, beta and value of each metric: of the means over sets, else of the sets."""
    every: list[tuple[float, Scores]] = [(0.0, results), *swept(results, "observation")]
    for beta, scores in every:
        for set_result in scores.means or scores.sets:
            for name in metrics_of([set_result]):
                if has_value(set_result, name):
                    yield set_result.name, title_of(name), metric_of(name).digits, beta, set_result.metrics[name]


def _rates(results: Experiment, verified: Mapping[str, Sequence[Experiment]]) -> Iterator[tuple]:
    """As :func:`_metrics`, for error rates."""
    for name, rows in verified.items():
        for row in (row for row in rows if row.enhancer == results.name):
            for over in results.means or results.sets:
                names = over.of or [over.name]
                sets = [set_result for set_result in row.sets if set_result.name in names]
                if len(sets) == len(names):
                    yield over.name, f"EER of {name} (%)", 2, row.beta, average_eer(sets)


def weights(points: Sequence[Weighed]) -> Section | None:
    """The section: alpha by beta."""
    if not points:
        return None
    rows: dict[tuple[str, ...], dict[float, str]]
    betas, rows = sorted({point.beta for point in points}), {}
    overs, metrics = (list(dict.fromkeys(column)) for column in list(zip(*points, strict=True))[:2])
    for point in sorted(points, key=lambda point: (overs.index(point.over), metrics.index(point.metric))):
        alpha = NONE if point.alpha is None else f"{point.alpha:g}"
        cells = rows.setdefault((point.over, point.metric, point.loss, alpha, point.experiment), {})
        cells[point.beta] = interval_cell(point.estimate, point.digits)
    header = ["Over", "Metric", "Loss", "Alpha", "Experiment", *(f"Beta {beta:g}" for beta in betas)]
    text = "Trained by the loss plus alpha times the SNR loss (alpha -: without another loss); of the mixture, beta is "
    text += "added to the output. Means [low, high]."
    table = [[*start, *(cells.get(beta, NONE) for beta in betas)] for start, cells in rows.items()]
    return Section("Multitask weight alpha by observation adding beta", [text, Table(header, table, 5)])
