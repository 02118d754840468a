"""Is one system better than another? The difference of a metric, by draws that both systems share.

Two intervals that overlap prove nothing: both systems stumble over the same speakers. The *difference* is computed on
each draw of speakers, the same for both, so that what is hard for both drops out.

The interval is symmetric, value -+ the quantile of the draws' distance from the value, and the p-value is the part of
the draws that lie as far from the value as zero does. Both count the sample itself as one draw more, so that zero is
inside the interval if and only if p is above 1 - level, however few the draws.
Percentiles of the differences are too shy where metrics are minima (minDCF), reflected ones too bold.

Distances are stretched for few speakers, as in every interval (toolkit.metrics.statistics.bootstrap.stretch).

Sources: Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004
(paired draws); Hall, "On symmetric bootstrap confidence intervals", JRSS B 50(1), 1988; Davison and Hinkley, "Bootstrap
methods and their application", 1997, section 4.2 (the one that is added: p is never 0).
"""

from typing import NamedTuple

import numpy as np

from toolkit.metrics.statistics.bootstrap import MAX_LOST, Resamples, fewest_speakers, stretch


class Difference(NamedTuple):
    """B minus A, its interval, and the two-sided p-value of "no difference"; NaN where too few draws are usable."""

    value: float
    low: float
    high: float
    p: float


def paired_difference(
    a: float, b: float, a_draws: np.ndarray, b_draws: np.ndarray, level: float = 0.95, speakers: int | None = None
) -> Difference:
    """Compare two systems.

    Args:
        a: metric of system A on all trials.
        b: of system B.
        a_draws: (R,) metric of A on each draw of speakers, NaN where it has none.
        b_draws: (R,) of B, on the same draws.
        level: of the interval, in (0, 1).
        speakers: how many there are to draw; None: so many that their number does not matter.

    Raises:
        ValueError: the numbers of draws differ.
    """
    if np.shape(a_draws) != np.shape(b_draws):
        raise ValueError(f"{len(a_draws)} draws of one system, {len(b_draws)} of the other")
    value, differences = b - a, np.asarray(b_draws) - np.asarray(a_draws)
    usable = differences[~np.isnan(differences)]
    if speakers == 1 or not len(usable) or len(differences) - len(usable) > MAX_LOST * len(differences):
        return Difference(value, np.nan, np.nan, np.nan)
    distance = np.abs(usable - value) * (stretch(speakers, level) if speakers else 1)
    outside = int((1 - level) * (1 + len(usable)) + 1e-9)  # of 1 + R draws, the sample among them
    if outside == 0:  # too few draws for such a level
        return Difference(value, np.nan, np.nan, np.nan)
    reach = float(np.sort(distance)[len(usable) - outside])
    # Rounding alone must not tell equal systems apart.
    p = (1 + int((distance >= abs(value) - 1e-12).sum())) / (1 + len(usable))
    return Difference(value, value - reach, value + reach, p)


def compare(a: Resamples, b: Resamples, level: float = 0.95, speakers: int | None = None) -> dict[str, Difference]:
    """:func:`paired_difference` in each metric that both systems have; by default of the speakers that it rests on."""
    names = [name for name in a.values if name in b.values]
    counts = fewest_speakers((a, b), names) if speakers is None else dict.fromkeys(names, speakers)
    return {
        n: paired_difference(a.values[n], b.values[n], a.samples[n], b.samples[n], level, counts.get(n)) for n in names
    }
