"""Means over sets, and differences of experiments, on bootstrap samples of speakers that all have in common.

Samples of trials are those that scoring has stored (toolkit.io.bootstrap_store). Samples of utterances are drawn again
of ``utterances.tsv``, for all speakers of the sets together.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.io.bootstrap_store import NAME, read_samples
from toolkit.io.datadir import c_sorted
from toolkit.io.errors import InputError
from toolkit.metrics.statistics.bootstrap import Resamples, mean_of
from toolkit.metrics.statistics.paired import Difference, compare
from toolkit.report.enhancement.utterance_values import values_of
from toolkit.report.recognition.utterance_errors import errors_of
from toolkit.report.summaries import SetSummary, estimates, metric_of
from toolkit.report.utterance_table import UtteranceTable

_SAMPLING_KEYS = ("speakers", "seed", "resamples")


@lru_cache(maxsize=4096)
def _stored(path: Path, written: int) -> tuple[dict[str, np.ndarray], dict]:
    return read_samples(path)


def resamples_of(test_set: SetSummary) -> tuple[Resamples, dict] | None:
    """Values and stored samples of a set of trials, rates in [0, 1], and their identity; None: none are stored."""
    path = Path(test_set.folder, NAME)
    if not test_set.folder or not path.is_file():
        return None
    samples, identity = _stored(path.absolute(), path.stat().st_mtime_ns)
    names = [name for name in samples if name in test_set.metrics]
    values = {name: test_set.metrics[name].value / metric_of(name).scale for name in names}
    speakers = test_set.interval_speakers or test_set.n_speakers or 0
    return Resamples(values, {name: samples[name] for name in names}, dict.fromkeys(names, speakers)), identity


def _average(sets: Sequence[SetSummary]) -> tuple[Resamples, list[dict]] | None:
    """The mean over sets of trials, and the identities of their samples; None if these are not of the same speakers."""
    set_samples: list[Any] = [resamples_of(set_result) for set_result in sets]
    if not set_samples or None in set_samples:
        return None
    identities = [identity for _, identity in set_samples]
    if any(identity[key] != identities[0][key] for identity in identities for key in _SAMPLING_KEYS):
        return None
    return mean_of([resamples for resamples, _ in set_samples]), identities


def average_interval(sets: Sequence[SetSummary], metric: str) -> tuple[float, float] | None:
    """Interval (low, high) of the mean of a metric over sets of trials, at the sets' level, in the metric's unit."""
    averaged = _average(sets)
    if averaged is None or metric not in averaged[0].values:
        return None
    _, low, high = (metric_of(metric).scale * x for x in averaged[0].intervals(sets[0].bootstrap["level"])[metric])
    return None if np.isnan(low) else (low, high)


def utterances_of(test_set: SetSummary) -> UtteranceTable:
    """The utterances of a collected set of audio or text."""
    return errors_of(test_set) if "wer" in test_set.metrics else values_of(test_set)


def _resample(tables: Sequence[UtteranceTable], facts) -> Resamples:
    """The mean over sets, and that of each sample of all their speakers."""
    speakers = c_sorted({spk for table in tables for spk in table.speaker_names()})
    return mean_of([table.resample(speakers, facts["resamples"], facts["seed"]) for table in tables])


def mean_over(sets: Sequence[SetSummary], label: str) -> SetSummary:
    """The mean over two sets of utterances or more, in which each set counts the same; one set as it is."""
    if len(sets) == 1:
        return sets[0]
    tables, facts = [utterances_of(one) for one in sets], sets[0].bootstrap
    counts: dict[str, Counter[str]] = {}
    for one in sets:
        for name, estimate in one.metrics.items():
            counts.setdefault(name, Counter()).update(estimate.counts)
    means = estimates(tables[0].intervals(_resample(tables, facts), facts["level"]))
    metrics = {name: replace(mean, counts=dict(counts[name])) for name, mean in means.items()}
    numbers = [one.n_utterances or 0 for one in sets]
    return SetSummary(metrics, n_utterances=sum(numbers), name=label, of=[one.name for one in sets])


def means_over(sets: Sequence[SetSummary], ood: Collection[str]) -> list[SetSummary]:
    """The mean over the sets in the domain, and that over those out of it, where there are several."""
    means = []
    for of_ood, suffix in ((False, ""), (True, ", out of domain")):
        inside = [one for one in sets if (one.condition.noise in ood) == of_ood]
        if len(inside) > 1:
            means.append(mean_over(inside, f"mean of {len(inside)} sets{suffix}"))
    return means


def paired(ours: Sequence[SetSummary], theirs: Sequence[SetSummary]) -> list[tuple] | None:
    """The utterances of sets of the same names, pair by pair; None if some are not of the same recordings."""
    tables = [(utterances_of(a), utterances_of(b)) for a, b in zip(ours, theirs, strict=True)]
    try:
        return [a.paired(b) for a, b in tables]
    except InputError:
        return None


def difference(ours: Sequence[SetSummary], theirs: Sequence[SetSummary]) -> dict[str, Difference] | None:
    """Theirs minus ours in the mean over sets, in the metrics' units, on the same samples of speakers.

    Args:
        ours, theirs: sets of the same names, in the same order.

    Returns:
        None if trials, utterances or samples are not the same.
    """
    facts = ours[0].bootstrap
    if ours[0].n_utterances is None:
        trials: tuple[Any, Any] = _average(ours), _average(theirs)
        if None in trials or len(ours) != len(theirs) or trials[0][1] != trials[1][1]:
            return None
        a, b = (resamples for resamples, _ in trials)
    else:
        pairs = paired(ours, theirs)
        if pairs is None:
            return None
        a, b = (_resample(tables, facts) for tables in zip(*pairs, strict=True))
    rates = compare(a, b, facts["level"])
    return {name: in_units(name, rate) for name, rate in rates.items()}


def in_units(metric: str, difference: Difference) -> Difference:
    """A difference in the unit of its metric."""
    value, low, high = (metric_of(metric).scale * x for x in difference[:3])
    return Difference(value, low, high, difference.p)
