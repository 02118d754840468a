"""Collect the results of an enhancement or extraction experiment for its tables and plots."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from toolkit.metrics.signal.registry import METRICS, present_name
from toolkit.report.collection import METRIC, collect_scores, experiment_name, set_shape
from toolkit.report.summaries import Experiment, Scores, SetSummary, Summary

# Metrics of faulty outputs; they have separate sections.
OF_ABSENT = ("residual_energy", "false_alarm")  # metrics of outputs in it
FAILURES = ("speaker_confusion", "tsos", "tsos_k1", "si_sdr_interferer", *OF_ABSENT)
ABSENT = "absent"  # the variant in which the enrolled speaker is not in the mixture
REAL = "real"  # the variant of recordings without references
_SET = set_shape(("n_utterances",), {...: {**METRIC, "n": int, "undefined": {...: int}, "infinite": {...: int}}})


class Sweep(NamedTuple):
    """A parameter that differs from variant to variant; the program that makes the outputs declares its value.

    Attributes:
        title: of the section and the plot.
        axis: the parameter, with its unit.
        main: its value in the main scores.
        is_value: is ``main`` a number on the same axis?
    """

    title: str
    axis: str
    main: str
    is_value: bool


SWEEPS = {  # options of the programs of stage 7
    "enroll_seconds": Sweep("Enrolment length", "enrolment (s)", "whole", False),
    "observation": Sweep("Observation adding", "beta: how much of the mixture is added", "0", True),
}


def collect_audio(expdir) -> Experiment:
    """Collect an experiment by the summaries of its scores, which summarise_audio writes.

    Returns:
        ``sets`` are sorted by name; ``variants`` maps names (``enroll2s``, ``absent``) to the scores of each.

    Raises:
        InputError: there are no scores, or a file is malformed.
    """
    experiments = collect_scores(expdir, "result.json", _SET, _present)
    results = experiments.pop("scores")
    results.variants = {name.removeprefix("scores_"): Scores(other.sets) for name, other in experiments.items()}
    return results


def _present(content):
    """A result.json of any version, with the current names of metrics."""
    if isinstance(content, list):
        return [_present(item) for item in content]
    if not isinstance(content, dict):
        return content
    return {present_name(key) if isinstance(key, str) else key: _present(value) for key, value in content.items()}


def rows_of(experiments: Sequence[Experiment]) -> list[Experiment]:
    """The experiments, each followed by its variants that have no separate section (``tse_x (other)``)."""
    rows = []
    for results in experiments:
        in_sections = {
            name: scores
            for name, scores in results.variants.items()
            if name in (ABSENT, REAL) or scores.sets[0].variant.get("parameter") in SWEEPS
        }
        rows.append(replace(results, variants=in_sections))
        for name, scores in results.variants.items():
            if name not in in_sections:
                label = experiment_name(results.name, name)
                rows.append(replace(results, sets=scores.sets, means=scores.means, variants={}, name=label))
    return rows


def swept(results: Experiment, parameter: str) -> list[tuple[float, Scores]]:
    """Value and scores of each variant of a sweep (``SWEEPS``), in ascending order."""
    declared = ((scores.sets[0].variant, scores) for scores in results.variants.values())
    pairs = [(float(one["value"]), scores) for one, scores in declared if one.get("parameter") == parameter]
    return sorted(pairs, key=lambda pair: pair[0])


def metrics_of(parts: Sequence[Summary], *, failures: bool = False) -> list[str]:
    """The metrics that any of these sets has, in the order of the registry."""
    names = {name for part in parts for name in part.metrics}
    return [name for name in METRICS if name in names and (name in FAILURES) == failures]


def has_value(summary: Summary, metric: str) -> bool:
    """Has it an estimate of the metric?"""
    return metric in summary.metrics and summary.metrics[metric].value is not None


def scores_of(results: Experiment, variant: str) -> dict[str, SetSummary]:
    """Name -> each mean and set of a variant; empty if it was not scored."""
    scores = results.variants.get(variant)
    return {one.name: one for one in scores.every_set} if scores else {}
