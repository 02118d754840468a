"""Metrics by the weight alpha of a multitask loss and the share beta of the mixture that is added to the output.

As in Figure 3 of SSL-MSE (Sato et al. 2025), with observation adding beside it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from toolkit.metrics.signal.registry import metric_of
from toolkit.report.enhancement.audio_results import metrics_of, swept
from toolkit.report.enhancement.audio_tables import title_of
from toolkit.report.verification.trial_tables import NONE, average_eer, interval_cell, markdown

# What experiments of one kind may differ in beside alpha.
_PLACES = ("expdir", "train_dir", "valid_dirs", "init_from")


class Weighed(NamedTuple):
    """A metric of one experiment at one beta.

    Attributes:
        over: the set, or what it is a mean of.
        metric: its title.
        digits: behind the point.
        loss: what is weighed against the SNR; of an experiment without alpha, its whole loss.
        alpha: weight of the SNR; None without.
        experiment: its name.
        beta: share of the mixture.
        found: ``{"value", "low", "high"}``.
    """

    over: str
    metric: str
    digits: int
    loss: str
    alpha: float | None
    experiment: str
    beta: float
    found: Mapping


def weight_points(experiments: Sequence[Mapping], verified: Mapping[str, Sequence[Mapping]]) -> list[Weighed]:
    """The metrics of experiments that differ in alpha, and of those of the same network without; empty: there are none.

    Args:
        experiments: gathered results, with means.
        verified: error rates of their outputs (:func:`toolkit.report.enhancement.verified.collect_verified`).
    """
    weighed = [(*weight, one) for one in experiments if (weight := _weight(one))]
    weighed = [one for one in weighed if len({other[2] for other in weighed if other[0] == one[0]}) > 1]
    if not weighed:
        return []
    labels = {kind: label for kind, label, *_ in weighed}
    for kind, label, _, one in reversed(weighed):
        if sum(other == label for other in labels.values()) > 1:
            labels[kind] = f"{label}, as {one['experiment']}"
    networks = [one["config"].get("model") for *_, one in weighed]
    plain = [one for one in experiments if _weight(one) is None and _of_networks(one, networks)]
    rows = [(_loss(one), None, one) for one in plain]
    rows += sorted(((labels[kind], alpha, one) for kind, _, alpha, one in weighed), key=lambda row: row[:2])
    points = []
    for loss, alpha, one in rows:
        for over, metric, digits, beta, weight in [*_metrics(one), *_rates(one, verified)]:
            points.append(Weighed(over, metric, digits, loss, alpha, one["experiment"], beta, weight))
    # What only experiments without alpha were scored by makes no curve.
    swept_by = {point.metric for point in points if point.alpha is not None}
    return [point for point in points if point.metric in swept_by]


def _weight(results: Mapping) -> tuple[str, str, float] | None:
    """What an experiment is but for alpha, the name of its loss, and alpha; None where it has none."""
    config = json.loads(json.dumps(results["config"] or {}, default=str))
    try:
        arguments = config["loss"]["init_args"]
        alpha, label = float(arguments.pop("alpha")), _class_name(arguments["loss"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    kept = {key: value for key, value in config.items() if key not in _PLACES}
    return json.dumps(kept, sort_keys=True), label, alpha


def _of_networks(results: Mapping, networks: Sequence) -> bool:
    return bool(results["config"]) and results["config"].get("model") in networks and bool(_loss(results))


def _loss(results: Mapping) -> str:
    try:
        return _class_name(results["config"]["loss"])
    except (KeyError, TypeError, AttributeError):
        return ""


def _class_name(block: Mapping) -> str:
    return block["class_path"].rpartition(".")[2]


def _metrics(results: Mapping) -> Iterator[tuple]:
    """Over what, title, digits, beta, value of each metric: of the means over sets, else of the sets."""
    for beta, scores in [(0.0, results), *swept(results, "beta")]:
        for one in scores.get("means") or scores["sets"]:
            for name in metrics_of([one]):
                if one["metrics"][name]["value"] is not None:
                    yield one["set"], title_of(name), metric_of(name).digits, beta, one["metrics"][name]


def _rates(results: Mapping, verified: Mapping[str, Sequence[Mapping]]) -> Iterator[tuple]:
    """The same of the error rates."""
    for name, rows in verified.items():
        for row in (row for row in rows if row.get("enhancer") == results["experiment"]):
            for over in results.get("means") or results["sets"]:
                names = over.get("of", [over["set"]])
                sets = [one for one in row["sets"] if one["set"] in names]
                if len(sets) == len(names):
                    rate = sets[0]["metrics"]["eer"] if len(sets) == 1 else average_eer(sets)
                    yield over["set"], f"EER of {name} (%)", 2, row["beta"], rate


def weights(points: Sequence[Weighed]) -> str | None:
    """The section: alpha by beta."""
    if not points:
        return None
    betas, rows = sorted({point.beta for point in points}), {}
    overs, metrics = (list(dict.fromkeys(found)) for found in list(zip(*points, strict=True))[:2])
    for point in sorted(points, key=lambda point: (overs.index(point.over), metrics.index(point.metric))):
        alpha = NONE if point.alpha is None else f"{point.alpha:g}"
        cells = rows.setdefault((point.over, point.metric, point.loss, alpha, point.experiment), {})
        cells[point.beta] = interval_cell(point.found, point.digits)
    header = ["Over", "Metric", "Loss", "Alpha", "Experiment", *(f"Beta {beta:g}" for beta in betas)]
    text = "Trained by the loss plus alpha times the SNR loss (alpha -: without another loss); of the mixture, beta is "
    text += "added to the output. Means [low, high].\n"
    table = [[*start, *(cells.get(beta, NONE) for beta in betas)] for start, cells in rows.items()]
    return "\n".join(["## Multitask weight alpha by observation adding beta\n", text, markdown(header, table, 5)])
