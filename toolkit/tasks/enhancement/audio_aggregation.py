"""What a report adds to the collected scores of experiments: means over sets, paired differences. Loads no torch."""

import math
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from toolkit.io.datadir import c_sorted
from toolkit.io.errors import InputError
from toolkit.metrics.signal.registry import METRICS, metric_of
from toolkit.metrics.statistics.bootstrap import mean_of
from toolkit.metrics.statistics.speaker_means import mean_intervals, resample_means
from toolkit.report.enhancement.audio_results import has_value
from toolkit.report.enhancement.noise_grid import grid_rows
from toolkit.report.summaries import Estimate, Experiment, SetSummary
from toolkit.tasks.enhancement.audio_comparison import AudioCondition, compare_audio_values, pair_values
from toolkit.tasks.enhancement.audio_summary import UtteranceValues, read_utterances

TABLE = "utterances.tsv"


@lru_cache(maxsize=256)
def _read(path: Path, written: int) -> UtteranceValues:
    return read_utterances(path)


def values_of(test_set: SetSummary) -> UtteranceValues:
    """The utterances of a collected set.

    Raises:
        InputError: its table is malformed, or does not hold the utterances that result.json counts.
    """
    path = Path(test_set.folder, TABLE)
    values = _read(path, path.stat().st_mtime_ns if path.is_file() else 0)
    if len(values.utts) != test_set.n_utterances:
        raise InputError(
            f"{path}: has {len(values.utts)} utterances, result.json beside it {test_set.n_utterances}; "
            "score the set again (stage 8)"
        )
    return values


def add_means(experiment: Experiment, ood: Collection[str]) -> None:
    """Add means over all sets in the domain, and over those out of it, to the scores and those of variants.

    Where there are several test sets, ``row_means`` are those over the grid of each. A mean is of two sets or more, and
    lacks metrics that a set lacks.
    """
    for scores in (experiment, *experiment.variants.values()):
        scores.means = list(_means(scores.sets, ood))
    rows = grid_rows(experiment)
    for row in rows.values() if len(rows) > 1 else ():
        experiment.row_means += _means(list(row.values()), ood)


def _means(all_sets: Sequence[SetSummary], ood: Collection[str]) -> Iterator[SetSummary]:
    for of_ood in (False, True):
        sets = [one for one in all_sets if (one.condition.noise in ood) == of_ood]
        if len(sets) > 1:
            label = f"mean of {len(sets)} sets{', out of domain' if of_ood else ''}"
            yield SetSummary(_mean(sets), name=label, of=[one.name for one in sets])


def _mean(sets: Sequence[SetSummary]) -> dict[str, Estimate]:
    """Of each metric the mean of the sets' means, and its interval by bootstrap samples of all their speakers."""
    names = [name for name in sets[0].metrics if all(has_value(one, name) for one in sets)]
    facts, all_values = sets[0].bootstrap, [values_of(test_set) for test_set in sets]
    speaker_index = {
        spk: i for i, spk in enumerate(c_sorted({spk for scored in all_values for spk in scored.speakers}))
    }
    parts = []
    for scored in all_values:
        speaker = np.array([speaker_index[spk] for spk in scored.speakers])[scored.speaker]
        values = {name: scored.values[name] for name in names if name in scored.values}
        parts.append(resample_means(values, speaker, facts["resamples"], facts["seed"], len(speaker_index)))
    intervals = mean_intervals(mean_of(parts), facts["level"])
    metrics = {}
    for name in names:
        value = round(sum(one.metrics[name].value for one in sets) / len(sets), 6)
        _, low, high = intervals.get(name, (math.nan,) * 3)
        interval = metric_of(name).in_units({"low": low, "high": high})
        metrics[name] = Estimate(value, interval["low"], interval["high"])
    return metrics


def compare_experiments(first: Experiment, other: Experiment, ood: Collection[str]) -> dict:
    """An experiment against the first, set by set and in the mean, on the same bootstrap samples of speakers.

    Returns:
        ``{"experiment", "differences": {over: {metric: {"value", "low", "high", "p", "unit"}}}, "notes"}``; notes say
        which sets, and how many utterances of a set, are not compared.
    """
    ours, theirs = ({test_set.name: test_set for test_set in results.sets} for results in (first, other))
    conditions, notes, outside = [], [], set()
    if unpaired := [*(name for name in ours if name not in theirs), *(name for name in theirs if name not in ours)]:
        notes.append(f"not in both: {', '.join(unpaired)}")
    for name in (name for name in ours if name in theirs):
        a, b = ours[name], theirs[name]
        pair = values_of(a), values_of(b)
        try:
            conditions.append(pair_values(*pair, a.folder, b.folder, quiet=True))
        except InputError:
            notes.append(f"{name}: other utterances, speakers or metrics")
            continue
        notes += _fewer(conditions[-1])
        outside |= {name} if a.condition.noise in ood else set()
    compared = {}
    if conditions:
        facts = ours[conditions[0].name].bootstrap
        bootstrap = facts["resamples"], facts["level"], facts["seed"]
        for of_ood in (False, True):
            inside = [condition for condition in conditions if (condition.name in outside) == of_ood]
            if len(inside) > 1:
                label = f"mean of {len(inside)} sets{', out of domain' if of_ood else ''}"
                compared[label] = compare_audio_values(inside, *bootstrap)["Avg."]
        compared |= {
            condition.name: compare_audio_values([condition], *bootstrap)[condition.name] for condition in conditions
        }
    differences = {
        over: {name: metric_of(name).in_units(difference._asdict()) for name, difference in row.items()}
        for over, row in compared.items()
    }
    return {"experiment": other.name, "differences": differences, "notes": notes}


def _fewer(condition: AudioCondition) -> list[str]:
    """Metrics that are compared over fewer utterances than there are."""
    counts = {name: int(np.isfinite(values).sum()) for name, values in condition.a.items()}
    total = len(condition.speaker)
    return [
        f"{condition.name}: {metric_of(name).label} over {counts[name]:,} of {total:,} utterances, "
        "the others lack a value"
        for name in METRICS
        if counts.get(name, total) < total
    ]
