"""What a report adds to the gathered scores of experiments: means over sets, paired differences. Loads no torch."""

import math
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from toolkit.io.datadir import c_sorted
from toolkit.io.errors import InputError
from toolkit.metrics.signal.registry import METRICS, metric_of
from toolkit.metrics.statistics.bootstrap import mean_of
from toolkit.metrics.statistics.speaker_means import mean_intervals, resample_means
from toolkit.report.enhancement.noise_grid import grid_rows
from toolkit.tasks.enhancement.audio_comparison import AudioCondition, compare_audio_values, pair_values
from toolkit.tasks.enhancement.audio_summary import UtteranceValues, in_units, read_utterances

TABLE = "utterances.tsv"


@lru_cache(maxsize=256)
def _read(path: Path, written: int) -> UtteranceValues:
    return read_utterances(path)


def values_of(one: Mapping) -> UtteranceValues:
    """The utterances of a gathered set.

    Raises:
        InputError: its table is bad, or not of the utterances that result.json counts.
    """
    path = Path(one["folder"], TABLE)
    values = _read(path, path.stat().st_mtime_ns if path.is_file() else 0)
    if len(values.utts) != one["n_utterances"]:
        raise InputError(
            f"{path}: has {len(values.utts)} utterances, result.json beside it {one['n_utterances']}; "
            "score the set again (stage 8)"
        )
    return values


def add_means(scores: dict, ood: Collection[str]) -> None:
    """Add ``means``: over all sets in the domain, and over those out of it, wherever there are two or more.

    Each is as a set: ``{"set": what it is a mean of, "of": names, "metrics"}``; metrics that a set lacks are left out.
    """
    scores["means"] = []
    for of_ood in (False, True):
        sets = [one for one in scores["sets"] if (one["condition"]["noise"] in ood) == of_ood]
        if len(sets) > 1:
            label = f"mean of {len(sets)} sets{', out of domain' if of_ood else ''}"
            names = [one["set"] for one in sets]
            scores["means"].append({"set": label, "of": names, "metrics": _mean(sets)})


def add_row_means(results: dict, ood: Collection[str]) -> None:
    """Add ``row_means``, as ``means``: over the grid of each test set, where there are several of them."""
    rows = grid_rows(results)
    results["row_means"] = []
    for label, row in rows.items() if len(rows) > 1 else ():
        for of_ood in (False, True):
            sets = [one for (noise, _), one in row.items() if (noise in ood) == of_ood]
            if len(sets) > 1:
                names = [one["set"] for one in sets]
                results["row_means"].append({"set": label, "of": names, "metrics": _mean(sets)})


def _mean(sets: Sequence[Mapping]) -> dict[str, dict]:
    """Of each metric the mean of the sets' means, and its interval by draws from all their speakers."""
    names = [n for n in sets[0]["metrics"] if all(one["metrics"].get(n, {}).get("value") is not None for one in sets)]
    facts, signals = sets[0]["bootstrap"], [values_of(one) for one in sets]
    everyone = {spk: i for i, spk in enumerate(c_sorted({spk for one in signals for spk in one.speakers}))}
    parts = []
    for one in signals:
        speaker = np.array([everyone[spk] for spk in one.speakers])[one.speaker]
        values = {name: one.values[name] for name in names if name in one.values}
        parts.append(resample_means(values, speaker, facts["resamples"], facts["seed"], len(everyone)))
    intervals = mean_intervals(mean_of(parts), facts["level"])
    metrics = {}
    for name in names:
        value = round(sum(one["metrics"][name]["value"] for one in sets) / len(sets), 6)
        _, low, high = intervals.get(name, (math.nan,) * 3)
        metrics[name] = {"value": value, **in_units(name, {"low": low, "high": high})}
    return metrics


def compare_experiments(first: Mapping, other: Mapping, ood: Collection[str]) -> dict:
    """An experiment against the first, set by set and in the mean, on the same draws of speakers.

    Returns:
        ``{"experiment", "differences": {over: {metric: {"value", "low", "high", "p", "unit"}}}, "notes"}``; notes say
        which sets, and how many utterances of a set, are not compared.
    """
    ours, theirs = ({one["set"]: one for one in results["sets"]} for results in (first, other))
    conditions, notes, outside = [], [], set()
    if alone := [*(name for name in ours if name not in theirs), *(name for name in theirs if name not in ours)]:
        notes.append(f"not in both: {', '.join(alone)}")
    for name in (name for name in ours if name in theirs):
        a, b = ours[name], theirs[name]
        pair = values_of(a), values_of(b)
        try:
            conditions.append(pair_values(*pair, a["folder"], b["folder"], quiet=True))
        except InputError:
            notes.append(f"{name}: other utterances, speakers or metrics")
            continue
        notes += _fewer(conditions[-1])
        outside |= {name} if ours[name]["condition"]["noise"] in ood else set()
    compared = {}
    if conditions:
        facts = ours[conditions[0].name]["bootstrap"]
        draws = facts["resamples"], facts["level"], facts["seed"]
        for of_ood in (False, True):
            inside = [one for one in conditions if (one.name in outside) == of_ood]
            if len(inside) > 1:
                label = f"mean of {len(inside)} sets{', out of domain' if of_ood else ''}"
                compared[label] = compare_audio_values(inside, *draws)["Avg."]
        compared |= {one.name: compare_audio_values([one], *draws)[one.name] for one in conditions}
    differences = {
        over: {name: in_units(name, one._asdict()) for name, one in row.items()} for over, row in compared.items()
    }
    return {"experiment": other["experiment"], "differences": differences, "notes": notes}


def _fewer(one: AudioCondition) -> list[str]:
    """Metrics that are compared over fewer utterances than there are."""
    counts = {name: int(np.isfinite(values).sum()) for name, values in one.a.items()}
    total = len(one.speaker)
    return [
        f"{one.name}: {metric_of(name).label} over {counts[name]:,} of {total:,} utterances, the others lack a value"
        for name in METRICS
        if counts.get(name, total) < total
    ]
