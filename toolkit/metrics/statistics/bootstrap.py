"""Confidence intervals of verification metrics by resampling speakers.

Trials are not independent: each speaker is in many trials, and a difficult speaker makes all of them difficult.
Intervals from resampled trials are therefore too narrow. Here the *speakers* are drawn with replacement, the same
sample for both sides of the trials. The target trials of a speaker drawn c times count c times; a nontarget trial of
speakers a and b counts c_a * c_b times.

Bootstrap samples of few speakers vary less than new samples of the same size, and have thinner tails. So every
interval is stretched about its value by :func:`stretch` (1.6 for 5 speakers, 1.2 for 10, 1.01 for 125) and then clipped
to the range of the metric.

Most metrics get the percentile interval. The variance of a rate (EER) depends on the rate, and its samples are biased:
it gets the basic interval, which reflects the samples about the value, on the scale arcsin(sqrt(rate)), which
stabilises the variance. A minimum over thresholds (minDCF, min Cllr) is biased downwards, on the data and again on each
sample: it gets the symmetric interval of toolkit.metrics.statistics.paired. Short lists remain a problem: with a few
thousand nontarget trials minDCF(0.01) depends on a few false alarms, and its interval is too narrow.

Sources: Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004
(resample what is independent; percentile interval); Davison and Hinkley, "Bootstrap methods and their application",
1997, section 5.2 (basic interval, transformed scales); Poh, Martin and Bengio, "Performance generalization in biometric
authentication using joint user-specific and sample bootstraps", IEEE TPAMI 29(3), 2007 (users as the resampled unit);
Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007 (product weights for crossed factors; their
intervals are rather too wide).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np

from toolkit.metrics.verification.calibration import Calibration, act_dcf_of, bayes_threshold, min_cllr_of, softplus
from toolkit.metrics.verification.error_rates import ScoreSweep, metrics_of

STRETCHED = "stretched by Student's quantile"
METHOD = f"basic on the arcsine scale (EER), symmetric (minDCF, min Cllr), percentile (actDCF, Cllr); {STRETCHED}"
RATE = (0.0, 1.0)  # limits of a rate
MAX_LOST = 0.5  # share of unusable samples above which there is no interval


@dataclass(frozen=True)
class Resamples:
    """Metrics of all trials, and of each bootstrap sample of speakers.

    Attributes:
        values: metric -> value.
        samples: metric -> (R,) values; NaN if a sample has no targets or no nontargets.
        speakers: metric -> number of speakers; missing: very many.
    """

    values: Mapping[str, float]
    samples: Mapping[str, np.ndarray]
    speakers: Mapping[str, int] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Number of samples without metrics, because they have no targets or no nontargets."""
        return int(np.isnan(np.array(list(self.samples.values()))).any(0).sum()) if self.samples else 0

    @property
    def too_few(self) -> bool:
        """Whether too many samples are lost for an interval."""
        return self.lost > MAX_LOST * len(next(iter(self.samples.values()), ()))

    def intervals(
        self, level: float = 0.95, limits: Callable[[str], tuple[float, float]] | None = None
    ) -> dict[str, tuple[float, float, float]]:
        """``{metric: (value, low, high)}``.

        Samples without targets or nontargets are skipped. Low and high are NaN if more than half of the samples are
        skipped (one or two speakers), or if a metric has one speaker.

        Args:
            level: confidence level, in (0, 1).
            limits: metric -> its smallest and largest possible value; default: those of verification metrics.
        """
        samples = np.array(list(self.samples.values())).reshape(len(self.samples), -1)
        usable = samples[:, ~np.isnan(samples).any(0)]
        enough = usable.shape[1] and samples.shape[1] - usable.shape[1] <= MAX_LOST * samples.shape[1]
        intervals = {}
        for (name, value), sample_values in zip(self.values.items(), usable, strict=True):
            factor = stretch(self.speakers[name], level) if name in self.speakers else 1.0
            bounds = (
                _bounds(name, value, sample_values, factor, (limits or _limits)(name), level)
                if enough
                else (np.nan,) * 2
            )
            intervals[name] = value, float(bounds[0]), float(bounds[1])
        return intervals


def stretch(speakers: int, level: float) -> float:
    """Correction factor for the distance of bootstrap samples from the value; NaN for fewer than two speakers.

    As for the mean of S normal values: sqrt(S / (S - 1)) times the ratio of Student's quantile to the normal one.
    """
    from scipy.special import ndtri, stdtrit  # slow import

    if speakers < 2:
        return np.nan
    quantile = (1 + level) / 2
    return float((speakers / (speakers - 1)) ** 0.5 * stdtrit(speakers - 1, quantile) / ndtri(quantile))


def mean_of(parts: Sequence[Resamples]) -> Resamples:
    """The mean over conditions with the same speakers, sample by sample, of the metrics that all conditions have.

    The number of speakers is the smallest of the conditions.
    """
    names = [name for name in parts[0].values if all(name in part.values for part in parts)]
    return Resamples(
        {name: float(np.mean([part.values[name] for part in parts])) for name in names},
        {name: np.mean([part.samples[name] for part in parts], axis=0) for name in names},
        fewest_speakers(parts, names),
    )


def fewest_speakers(parts: Iterable[Resamples], names: Iterable[str]) -> dict[str, int]:
    """Metric -> smallest number of speakers; metrics without a number are skipped."""
    counts = {name: [part.speakers[name] for part in parts if name in part.speakers] for name in names}
    return {name: min(numbers) for name, numbers in counts.items() if numbers}


def bootstrap_verification(
    scores,
    is_target,
    enroll_spk_index,
    test_spk_index,
    p_targets: Sequence[float] = (0.01, 0.05),
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    progress: Callable[[Iterable], Iterable] = iter,
) -> dict[str, tuple[float, float, float]]:
    """EER and minDCFs with intervals: ``{"eer": (value, low, high), "min_dcf_0.01": ..., ...}``, rates in [0, 1].

    Arguments and errors as of :func:`resample_verification`; ``level``: confidence level, in (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level}: must be in (0, 1)")
    trials = scores, is_target, enroll_spk_index, test_spk_index
    return resample_verification(*trials, p_targets, resamples, seed, progress).intervals(level)


def resample_verification(
    scores,
    is_target,
    enroll_spk_index,
    test_spk_index,
    p_targets: Sequence[float] = (0.01, 0.05),
    resamples: int = 1000,
    seed: int = 0,
    progress: Callable[[Iterable], Iterable] = iter,
    calibration: Calibration | None = None,
    population=None,
) -> Resamples:
    """EER, minDCFs and, for calibrated scores, actDCFs, Cllr and min Cllr: of all trials and of resampled speakers.

    Memory: a few arrays of N values. Time: linear in N * resamples.

    Args:
        scores: (N,) scores, higher = more similar.
        is_target: (N,) bool.
        enroll_spk_index: (N,) integer speaker of the enrolment, in [0, S). The samples depend only on ``seed`` and
            this numbering, so systems scored on the same trials have the same samples.
        test_spk_index: (N,) integer speaker of the test utterance, in the same numbering.
        p_targets: target priors of minDCF and actDCF.
        resamples: number of bootstrap samples.
        seed: seed of the samples.
        progress: wrapper of the iterable over the samples, e.g. ``tqdm.tqdm``.
        calibration: converts scores to LLRs; None: no actDCF and Cllr.
        population: speakers to sample, so that lists with different speakers get the same samples; default: those of
            the trials.

    Raises:
        ValueError: lengths differ, there are no targets or no nontargets, scores are not finite, an index is negative,
            or a trial's label contradicts its speakers.
    """
    trials = _checked(scores, is_target, enroll_spk_index, test_spk_index)
    sample = _Sample(*trials, p_targets, calibration)
    values = sample.metrics()
    speakers = np.unique(sample.speakers() if population is None else population)
    rng = np.random.default_rng(seed)
    rows = [_draw(sample, speakers, rng, len(values)) for _ in progress(range(resamples))]
    samples = dict(zip(values, np.reshape(rows, (resamples, len(values))).T, strict=True))
    return Resamples(values, samples, dict.fromkeys(values, sample.fewest_speakers()))


def _draw(sample: "_Sample", speakers: np.ndarray, rng: np.random.Generator, num_metrics: int) -> list[float]:
    """The metrics of one draw of speakers; NaN if no targets or no nontargets are left."""
    counts = np.bincount(rng.choice(speakers, size=len(speakers)), minlength=1 + int(speakers[-1]))
    weights = sample.weights(counts)
    if not all(kind.any() for kind in weights):
        return [np.nan] * num_metrics
    return list(sample.metrics(*weights).values())


class _Sample:
    """Trials sorted by score, and their metrics for any weights."""

    def __init__(self, scores, is_target, enroll, test, p_targets: Sequence[float], calibration: Calibration | None):
        order = [kind[np.argsort(scores[kind])] for kind in (np.flatnonzero(is_target), np.flatnonzero(~is_target))]
        self._sweep = ScoreSweep(*(scores[kind] for kind in order))
        self._target_spk, (self._enroll, self._test) = enroll[order[0]], (x[order[1]] for x in (enroll, test))
        self._p_targets = p_targets
        self._costs: list[np.ndarray] = []  # empty without calibration
        if calibration is not None:
            llrs = [calibration(scores[kind]) for kind in order]
            self._costs = [
                (softplus(sign * x) / np.log(2)).astype(np.float32) for sign, x in zip((-1, 1), llrs, strict=True)
            ]
            # LLRs increase with the scores, so those below a threshold come first.
            self._rejected = [[int(np.searchsorted(x, bayes_threshold(p))) for x in llrs] for p in p_targets]

    def speakers(self) -> np.ndarray:
        """Speaker of each side of each trial."""
        return np.concatenate([self._target_spk, self._enroll, self._test])

    def fewest_speakers(self) -> int:
        """Number of speakers of the targets or of the nontargets, whichever is smaller."""
        return min(len(np.unique(self._target_spk)), len(np.union1d(self._enroll, self._test)))

    def weights(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The weight of each target and each nontarget trial if speaker i was drawn ``counts[i]`` times."""
        return counts[self._target_spk], counts[self._enroll] * counts[self._test]

    def metrics(self, *weights: np.ndarray) -> dict[str, float]:
        """All metrics; without weights each trial counts once."""
        rates = self._sweep.rates(*weights)
        values = metrics_of(rates, self._p_targets)
        if not self._costs:
            return values
        for p, rejected in zip(self._p_targets, self._rejected, strict=True):
            missed, kept_out = self._shares(rejected, weights)
            values[f"act_dcf_{p:g}"] = act_dcf_of(missed, 1 - kept_out, p)
        means = [np.average(cost, weights=w) for cost, w in zip(self._costs, weights or (None, None), strict=True)]
        return values | {"cllr": float(sum(means) / 2), "min_cllr": min_cllr_of(rates)}

    def _shares(self, first: Sequence[int], weights: Sequence[np.ndarray]) -> list[float]:
        """The weighted share of the ``first`` target and nontarget trials."""
        if not weights:
            return [n / len(cost) for n, cost in zip(first, self._costs, strict=True)]
        return [float(w[:n].sum() / w.sum()) for n, w in zip(first, weights, strict=True)]


def _checked(scores, is_target, enroll, test) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    scores, is_target, enroll, test = (np.asarray(x) for x in (scores, is_target, enroll, test))
    if not scores.shape == is_target.shape == enroll.shape == test.shape == (scores.size,):
        raise ValueError("scores, is_target and the speaker indices must be 1-D and of equal length")
    if scores.size and min(enroll.min(), test.min()) < 0:
        raise ValueError("speaker indices must not be negative")
    is_target = is_target.astype(bool)
    contradictory = np.flatnonzero(is_target != (enroll == test))
    if contradictory.size:
        raise ValueError(
            f"trial {contradictory[0]}: its label contradicts its speakers ({contradictory.size} such trials)"
        )
    return scores, is_target, enroll, test


def _limits(name: str) -> tuple[float, float]:
    return RATE if name == "eer" or name.startswith("min_") else (0.0, inf)


def _bounds(name: str, value: float, samples: np.ndarray, factor: float, limits: tuple[float, float], level: float):
    """Low and high of one metric from its (R,) usable samples."""
    sides = (1 - level) / 2, (1 + level) / 2
    if name.startswith("min_"):
        reach = factor * np.quantile(np.abs(samples - value), level)
        low, high = value - reach, value + reach
    elif limits == RATE:
        angle = _angle(value)
        below, above = np.quantile(_angle(samples), sides) - angle
        reached = angle - factor * max(above, 0), angle - factor * min(below, 0)
        low, high = np.sin(np.clip(reached, 0, np.pi / 2)) ** 2
    else:
        low, high = np.quantile(samples, sides)
        low, high = low + (factor - 1) * min(low - value, 0), high + (factor - 1) * max(high - value, 0)
    return np.clip((low, high), *limits)


def _angle(rate):
    return np.arcsin(np.sqrt(np.clip(rate, *RATE)))
