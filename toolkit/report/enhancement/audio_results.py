"""Collect the results of an enhancement or extraction experiment for its tables and plots."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from toolkit.io.errors import InputError
from toolkit.io.files import misfit
from toolkit.metrics.signal.registry import METRICS, metric_of, present_name
from toolkit.report.verification.trial_results import CONDITION, experiment_name, interval_fault, origin_of, read_sets

# Metrics of faulty outputs; they have separate sections.
OF_ABSENT = ("residual_energy", "false_alarm")  # metrics of outputs in it
FAILURES = ("speaker_confusion", "tsos", "tsos_k1", "si_sdr_interferer", *OF_ABSENT)
ABSENT = "absent"  # the variant in which the enrolled speaker is not in the mixture
REAL = "real"  # the variant of recordings without references
_METRIC = {
    **dict.fromkeys(("value", "low", "high"), (float, None)),
    "n": int,
    "undefined": {...: int},
    "infinite": {...: int},
}
_SUMMARY = {"n_utterances": int, "n_speakers": int, "metrics": {...: _METRIC}, "note": str}
_SET = {
    "set": str,
    "condition": CONDITION,
    **_SUMMARY,
    "bootstrap": {"resamples": int, "level": float, "unit": str, "seed": int, "method": str},
    "breakdown?": {...: {"groups": {...: _SUMMARY}, "left_out": int}},
}
_SWEPT = re.compile(r"(enroll|beta)(\d+\.?\d*|\.\d+)s?")


class Sweep(NamedTuple):
    """A parameter that differs from variant to variant.

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


SWEEPS = {
    "enroll": Sweep("Enrolment length", "enrolment (s)", "whole", False),
    "beta": Sweep("Observation adding", "beta: how much of the mixture is added", "0", True),
}


def collect_audio(expdir) -> dict:
    """Collect an experiment: the content of its ``results.json``.

    Reads ``scores/*/result.json``, those of variants, ``scores_<variant>/*/result.json`` (both written by
    ``toolkit.bin.summarise_audio``), and the files of toolkit.report.verification.trial_results.origin_of.

    Returns:
        ``{"experiment", "expdir", "config_path", "config", "seed", "commit", "date", "train", "sets", "variants"}``:
        ``sets`` are the contents of result.json, sorted by name, each with its ``folder``; ``variants`` maps names
        (``enroll2s``, ``absent``, ``beta0.2``) to the ``sets`` of each.

    Raises:
        InputError: there are no scores, or a file is malformed.
    """
    expdir = Path(expdir)
    files = {"scores": sorted(expdir.glob("scores/*/result.json"))}
    if not files["scores"]:
        raise InputError(f"{expdir}: no scores/*/result.json; score the experiment (stage 8) before its report")
    for path in sorted(expdir.glob("scores_*/*/result.json")):
        files.setdefault(path.parent.parent.name, []).append(path)
    sets = {name: read_sets(paths, _fault_of, _present) for name, paths in files.items()}
    return {
        "experiment": expdir.resolve().name,
        "expdir": str(expdir),
        **origin_of(expdir, files["scores"]),
        "sets": sets.pop("scores"),
        "variants": {name.removeprefix("scores_"): {"sets": variant_sets} for name, variant_sets in sets.items()},
    }


def _present(content):
    """A result.json of any version, with the current names of metrics."""
    if isinstance(content, list):
        return [_present(item) for item in content]
    if not isinstance(content, dict):
        return content
    return {present_name(key) if isinstance(key, str) else key: _present(value) for key, value in content.items()}


def _fault_of(content: dict) -> str:
    if fault := misfit(content, _SET) or interval_fault(content["metrics"]):
        return fault
    summaries = [
        content,
        *(group for grouping in content.get("breakdown", {}).values() for group in grouping["groups"].values()),
    ]
    return next(
        (f"unknown metric {name}" for summary in summaries for name in summary["metrics"] if not _is_known(name)), ""
    )


def _is_known(name: str) -> bool:
    try:
        return bool(metric_of(name))
    except KeyError:
        return False


def rows_of(experiments: Sequence[Mapping]) -> list[dict]:
    """The experiments, each followed by its variants that have no separate section (``tse_x (other)``)."""
    rows = []
    for results in experiments:
        in_sections = [name for name in results["variants"] if name in (ABSENT, REAL) or _SWEPT.fullmatch(name)]
        rows.append({**results, "variants": {name: results["variants"][name] for name in in_sections}})
        for name, variant in results["variants"].items():
            if name not in in_sections:
                rows.append({**results, **variant, "experiment": experiment_name(results["experiment"], name)})
                rows[-1]["variants"] = {}
    return rows


def swept(results: Mapping, kind: str) -> list[tuple[float, Mapping]]:
    """Value and scores of each variant of a sweep (``SWEEPS``), in ascending order."""
    matches = ((_SWEPT.fullmatch(name), variant) for name, variant in results["variants"].items())
    return sorted(((float(m[2]), variant) for m, variant in matches if m and m[1] == kind), key=lambda pair: pair[0])


def metrics_of(parts: Sequence[Mapping], *, failures: bool = False) -> list[str]:
    """The metrics that any of these sets has, in the order of the registry."""
    names = {name for part in parts for name in part["metrics"]}
    return [name for name in METRICS if name in names and (name in FAILURES) == failures]


def every_set(scores: Mapping) -> Iterator[Mapping]:
    """Means over sets first, then the sets."""
    yield from scores.get("means", [])
    yield from scores["sets"]
