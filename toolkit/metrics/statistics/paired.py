"""Paired comparison of two systems: the difference of a metric on bootstrap samples that both share.

Overlapping intervals do not show that two systems are equal, because the same speakers are difficult for both. Here the
*difference* is computed on each sample of speakers, so their difficulty cancels.

The interval is symmetric: value +- the quantile of the samples' distance from the value. The p-value is the share of
samples that are at least as far from the value as zero is. Both count the original data as one more sample, so zero is
inside the interval if and only if p is above 1 - level, for any number of samples. For metrics that are minima
(minDCF), the percentile interval would be too conservative and the basic interval too liberal.

Distances are stretched for few speakers, as in all intervals (toolkit.metrics.statistics.bootstrap.stretch).

Sources: Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004
(paired samples); Hall, "On symmetric bootstrap confidence intervals", JRSS B 50(1), 1988; Davison and Hinkley,
"Bootstrap methods and their application", 1997, section 4.2 (adding one sample: p is never 0).
"""

from typing import NamedTuple

import numpy as np

from toolkit.metrics.statistics.bootstrap import MAX_LOST, Resamples, fewest_speakers, stretch


class Difference(NamedTuple):
    """B minus A, its interval, and the two-sided p-value of "no difference"; NaN if too few samples are usable."""

    value: float
    low: float
    high: float
    p: float


def paired_difference(
    a: float, b: float, a_samples: np.ndarray, b_samples: np.ndarray, level: float = 0.95, speakers: int | None = None
) -> Difference:
    """Compare two systems.

    Args:
        a: metric of system A on all trials.
        b: metric of system B.
        a_samples: (R,) metric of A on each bootstrap sample of speakers; NaN if undefined.
        b_samples: (R,) metric of B on the same samples.
        level: confidence level, in (0, 1).
        speakers: number of speakers to sample; None: very many.

    Raises:
        ValueError: the numbers of samples differ.
    """
    if np.shape(a_samples) != np.shape(b_samples):
        raise ValueError(f"{len(a_samples)} samples of one system, {len(b_samples)} of the other")
    value, differences = b - a, np.asarray(b_samples) - np.asarray(a_samples)
    usable = differences[~np.isnan(differences)]
    if speakers == 1 or not len(usable) or len(differences) - len(usable) > MAX_LOST * len(differences):
        return Difference(value, np.nan, np.nan, np.nan)
    distance = np.abs(usable - value) * (stretch(speakers, level) if speakers else 1)
    outside = int((1 - level) * (1 + len(usable)) + 1e-9)  # of 1 + R samples, with the original data
    if outside == 0:  # too few samples for this level
        return Difference(value, np.nan, np.nan, np.nan)
    reach = float(np.sort(distance)[len(usable) - outside])
    # Rounding errors must not separate equal systems.
    p = (1 + int((distance >= abs(value) - 1e-12).sum())) / (1 + len(usable))
    return Difference(value, value - reach, value + reach, p)


def compare(a: Resamples, b: Resamples, level: float = 0.95, speakers: int | None = None) -> dict[str, Difference]:
    """:func:`paired_difference` of each metric that both systems have; ``speakers`` default: those of the metric."""
    names = [name for name in a.values if name in b.values]
    counts = fewest_speakers((a, b), names) if speakers is None else dict.fromkeys(names, speakers)
    return {
        n: paired_difference(a.values[n], b.values[n], a.samples[n], b.samples[n], level, counts.get(n)) for n in names
    }
