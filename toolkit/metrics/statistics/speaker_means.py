"""Means over utterances: of all speakers, and of bootstrap samples of speakers.

Utterances of one speaker are correlated. So speakers are drawn with replacement, each with all its utterances. The mean
of a sample is a ratio of two sums over speakers; two matrix products compute all samples. Sources: see
toolkit.metrics.statistics.bootstrap.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from toolkit.metrics.signal.registry import limits_of
from toolkit.metrics.statistics.bootstrap import STRETCHED, Resamples

METHOD = f"percentile, of rates basic on the arcsine scale; {STRETCHED}"


def resample_means(
    values: Mapping[str, np.ndarray], speaker: np.ndarray, resamples: int = 1000, seed: int = 0, population: int = 0
) -> Resamples:
    """Mean of each metric over the utterances with a finite value, for all speakers and for each sample of speakers.

    Samples depend only on ``seed`` and the number of speakers, so all metrics and systems share them.

    Args:
        values: metric -> (N,) value of each utterance; NaN and infinity are skipped.
        speaker: (N,) integer speaker of each utterance, in [0, S).
        population: S, if the utterances do not cover all speakers; default: the highest index plus one.

    Returns:
        Means and samples. NaN: samples without a value, all samples of a metric with fewer than two speakers, and the
        mean of no values.
    """
    speaker = np.asarray(speaker)
    count = max(population, int(speaker.max(initial=-1)) + 1)
    table = np.array([values[name] for name in values], dtype=np.float64).reshape(len(values), len(speaker))
    is_finite = np.isfinite(table)
    sums, numbers = (
        np.array([np.bincount(speaker, weights=row, minlength=count) for row in rows]).reshape(len(values), count)
        for rows in (np.where(is_finite, table, 0), is_finite)
    )
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(count, np.full(count, 1 / max(count, 1)), size=resamples) if count else np.zeros((0, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (weights @ sums.T) / (weights @ numbers.T)
        whole = sums.sum(1) / numbers.sum(1)
    having = (numbers > 0).sum(1)
    means[:, having < 2] = np.nan
    return Resamples(*(dict(zip(values, of, strict=True)) for of in (whole.tolist(), means.T, having.tolist())))


def mean_intervals(resamples: Resamples, level: float = 0.95) -> dict[str, tuple[float, float, float]]:
    """``{metric: (mean, low, high)}``, each from its usable samples; NaN if these are too few."""
    return {
        name: replace(resamples, values={name: value}, samples={name: resamples.samples[name]}).intervals(
            level, limits_of
        )[name]
        for name, value in resamples.values.items()
    }
