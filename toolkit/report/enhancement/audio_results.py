"""The numbers of one enhancement or extraction experiment, gathered: what its tables and plots are made from."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from toolkit.io.errors import InputError
from toolkit.io.files import misfit
from toolkit.metrics.signal.registry import METRICS, metric_of, present_name
from toolkit.report.verification.trial_results import CONDITION, experiment_name, interval_fault, origin_of, read_sets

# Of an output that is not what it should be; they have sections of their own.
FAILURES = ("speaker_confusion", "tsos", "tsos_k1", "si_sdr_interferer", "residual_energy")
ABSENT = "absent"  # the variant in which the enrolled speaker is not in the mixture
_METRIC = {
    **dict.fromkeys(("value", "low", "high"), (float, None)),
    "n": int,
    "undefined": {...: int},
    "infinite": {...: int},
}
_MEASURED = {"n_utterances": int, "n_speakers": int, "metrics": {...: _METRIC}, "note": str}
_SET = {
    "set": str,
    "condition": CONDITION,
    **_MEASURED,
    "bootstrap": {"resamples": int, "level": float, "unit": str, "seed": int, "method": str},
    "breakdown?": {...: {"groups": {...: _MEASURED}, "left_out": int}},
}
_SWEPT = re.compile(r"(enroll|beta)(\d+\.?\d*|\.\d+)s?")


class Sweep(NamedTuple):
    """What is turned from variant to variant.

    Attributes:
        title: of the section and the plot.
        axis: what is turned, with its unit.
        main: what the main scores have.
        is_value: is that a value like the others?
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
    """Gather an experiment: the content of its ``results.json``.

    Read are ``scores/*/result.json`` and those of its variants, ``scores_<variant>/*/result.json`` (as
    ``toolkit.bin.summarise_audio`` writes them), and what toolkit.report.verification.trial_results.origin_of reads.

    Returns:
        ``{"experiment", "expdir", "config_path", "config", "seed", "commit", "date", "train", "sets", "variants"}``:
        ``sets`` are the result.json, by name, each with the ``folder`` it lies in; ``variants`` has by name
        (``enroll2s``, ``absent``, ``beta0.2``) the ``sets`` of each.

    Raises:
        InputError: there are no scores, or a file is malformed.
    """
    expdir = Path(expdir)
    files = {"scores": sorted(expdir.glob("scores/*/result.json"))}
    if not files["scores"]:
        raise InputError(f"{expdir}: no scores/*/result.json; score the experiment (stage 8) before its report")
    for path in sorted(expdir.glob("scores_*/*/result.json")):
        files.setdefault(path.parent.parent.name, []).append(path)
    sets = {name: read_sets(found, _fault_of, _present) for name, found in files.items()}
    return {
        "experiment": expdir.resolve().name,
        "expdir": str(expdir),
        **origin_of(expdir, files["scores"]),
        "sets": sets.pop("scores"),
        "variants": {name.removeprefix("scores_"): {"sets": found} for name, found in sets.items()},
    }


def _present(content):
    """A result.json of any version, with the names that metrics have now."""
    if isinstance(content, list):
        return [_present(one) for one in content]
    if not isinstance(content, dict):
        return content
    return {present_name(key) if isinstance(key, str) else key: _present(one) for key, one in content.items()}


def _fault_of(content: dict) -> str:
    if fault := misfit(content, _SET) or interval_fault(content["metrics"]):
        return fault
    measured = [content, *(one for found in content.get("breakdown", {}).values() for one in found["groups"].values())]
    return next((f"unknown metric {name}" for one in measured for name in one["metrics"] if not _is_known(name)), "")


def _is_known(name: str) -> bool:
    try:
        return bool(metric_of(name))
    except KeyError:
        return False


def rows_of(experiments: Sequence[Mapping]) -> list[dict]:
    """The experiments, each followed by its variants that no section of its own shows (``tse_x (other)``)."""
    rows = []
    for results in experiments:
        own = [name for name in results["variants"] if name == ABSENT or _SWEPT.fullmatch(name)]
        rows.append({**results, "variants": {name: results["variants"][name] for name in own}})
        for name, found in results["variants"].items():
            if name not in own:
                rows.append({**results, **found, "experiment": experiment_name(results["experiment"], name)})
                rows[-1]["variants"] = {}
    return rows


def swept(results: Mapping, kind: str) -> list[tuple[float, Mapping]]:
    """Value and scores of each variant of a sweep (``SWEEPS``), rising."""
    matches = ((_SWEPT.fullmatch(name), one) for name, one in results["variants"].items())
    return sorted(((float(m[2]), one) for m, one in matches if m and m[1] == kind), key=lambda pair: pair[0])


def metrics_of(parts: Sequence[Mapping], *, failures: bool = False) -> list[str]:
    """The metrics that any of these sets has, in the catalogue's order."""
    names = {name for one in parts for name in one["metrics"]}
    return [name for name in METRICS if name in names and (name in FAILURES) == failures]


def every_set(scores: Mapping) -> Iterator[Mapping]:
    """Means over sets first, then the sets."""
    yield from scores.get("means", [])
    yield from scores["sets"]
