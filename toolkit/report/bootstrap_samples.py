"""Intervals and differences of collected results, from the bootstrap samples stored with the scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.io.bootstrap_store import NAME, read_samples
from toolkit.metrics.statistics.bootstrap import Resamples, mean_of
from toolkit.metrics.statistics.paired import Difference, compare
from toolkit.metrics.verification.registry import METRICS
from toolkit.report.summaries import SetSummary

_SAMPLING_KEYS = ("speakers", "seed", "resamples")


def resamples_of(test_set: SetSummary) -> tuple[Resamples, dict] | None:
    """Values and bootstrap samples of a set, rates in [0, 1], and the samples' identity; None: none are stored."""
    path = Path(test_set.folder, NAME)
    if not test_set.folder or not path.is_file():
        return None
    samples, identity = read_samples(path)
    names = [name for name in samples if name in test_set.metrics]
    values = {name: test_set.metrics[name].value / METRICS[name].scale for name in names}
    speakers = test_set.interval_speakers or test_set.n_speakers or 0
    return Resamples(values, {name: samples[name] for name in names}, dict.fromkeys(names, speakers)), identity


def average(sets: Sequence[SetSummary]) -> tuple[Resamples, list[dict]] | None:
    """The mean over sets, sample by sample, and the sets' identities; None if the sets have no common samples."""
    set_samples: list[Any] = [resamples_of(set_result) for set_result in sets]
    if not set_samples or None in set_samples:
        return None
    identities = [identity for _, identity in set_samples]
    if any(identity[key] != identities[0][key] for identity in identities for key in _SAMPLING_KEYS):
        return None
    return mean_of([resamples for resamples, _ in set_samples]), identities


def average_interval(sets: Sequence[SetSummary], metric: str) -> tuple[float, float] | None:
    """Interval (low, high) of the mean of a metric over sets, at the sets' level, in the unit of metrics.json."""
    averaged = average(sets)
    if averaged is None or metric not in averaged[0].values:
        return None
    _, low, high = (METRICS[metric].scale * x for x in averaged[0].intervals(sets[0].bootstrap["level"])[metric])
    return None if np.isnan(low) else (low, high)


def difference(ours: Sequence[SetSummary], theirs: Sequence[SetSummary]) -> dict[str, Difference] | None:
    """Theirs minus ours in the mean over sets, paired by set; None if trials or bootstrap samples differ."""
    pair: tuple[Any, Any] = average(ours), average(theirs)
    if None in pair or len(ours) != len(theirs):
        return None
    if any(our_identity != their_identity for our_identity, their_identity in zip(pair[0][1], pair[1][1], strict=True)):
        return None
    rates = compare(pair[0][0], pair[1][0], ours[0].bootstrap["level"])
    return {
        metric: Difference(*[*(METRICS[metric].scale * x for x in rate_difference[:3]), rate_difference.p])
        for metric, rate_difference in rates.items()
    }
