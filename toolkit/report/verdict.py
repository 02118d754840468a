"""Verdicts: what an experiment is compared with, by how much it differs, and whether that is certain."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.metrics.statistics.paired import Difference
from toolkit.report.bootstrap_samples import average_interval, difference
from toolkit.report.summaries import Experiment, SetSummary, metric_of

FEW_STEPS = 500  # with fewer steps a network is often worse than an untrained one
_UNKNOWN = float("nan")
Sets = Mapping[str, SetSummary]


@dataclass(frozen=True)
class Claim:
    """One comparison.

    Attributes:
        over: what it is over: a set, the mean of some sets.
        reference: what the experiment is compared with.
        metric: name of the metric.
        value, reference_value: of both, in the metric's unit.
        difference: value minus reference_value, in that unit.
        low, high: interval of the value; None: unknown.
    """

    over: str
    reference: str
    metric: str
    value: float
    reference_value: float
    difference: Difference
    low: float | None = None
    high: float | None = None

    @property
    def gain(self) -> float:
        """By how much the experiment is better; negative: worse."""
        return gain_of(self.metric, self.difference)

    @property
    def is_certain(self) -> bool:
        """Does the interval of the difference exclude zero?"""
        return is_certain(self.difference)

    def __str__(self) -> str:
        """``test, clean: EER 2.98 % against 2.80 % of the extractor alone. It is worse by 0.18 points ...``."""
        metric = metric_of(self.metric)
        ours, theirs = (f"{x:.{metric.digits}f} {metric.unit}".rstrip() for x in (self.value, self.reference_value))
        conclusion = conclusion_of(self.metric, self.difference)
        return f"{self.over}: {metric.label} {ours} against {theirs} of {self.reference}. It is {conclusion}."


@dataclass(frozen=True)
class Verdict:
    """What is claimed of a trained experiment.

    Attributes:
        name: of the experiment.
        claims: its comparisons; may be empty.
        remark: what is known without a comparison; may be empty.
        steps: of training; None: unknown.
        within_session: share of the target trials that lie within one session.
    """

    name: str
    claims: Sequence[Claim] = ()
    remark: str = ""
    steps: int | None = None
    within_session: float = 0.0

    def __str__(self) -> str:
        """In sentences."""
        return f"{self.name}: {' '.join(self._sentences())}"

    def _sentences(self) -> Iterator[str]:
        if self.remark:
            yield self.remark
        yield from map(str, self.claims)
        if self.steps is not None:
            few = ", fewer than most networks need" if self.steps < FEW_STEPS else ""
            yield f"Training took {self.steps:,} steps{few}."
        if self.within_session:
            share = "All" if self.within_session == 1 else f"{100 * self.within_session:.0f} % of the"
            yield f"{share} target trials lie within one session, so error rates are lower than in use."


def gain_of(metric: str, difference: Difference) -> float:
    """By how much the minuend is better; negative: worse."""
    return difference.value if metric_of(metric).higher_is_better else -difference.value


def is_certain(difference: Difference) -> bool:
    """Does its interval exclude zero?"""
    return bool(difference.low > 0 or difference.high < 0)


def conclusion_of(metric: str, difference: Difference, than: str = "") -> str:
    """``better by 1.20 points [0.40, 2.00]; this is certain (p = 0.004)``, of a difference in the metric's unit."""
    about, gain, sign = metric_of(metric), gain_of(metric, difference), -1 if difference.value < 0 else 1
    value, *ends = (round(sign * x, about.digits) + 0.0 for x in difference[:3])  # no minus before a rounded zero
    word = f"{'better' if gain > 0 else 'worse'}{than} by" if gain else "as good, with a difference of"
    amount = f"{word} {value:.{about.digits}f} {about.difference.unit}".rstrip()
    if np.isnan(difference.low):
        return f"{amount}; there are too few speakers for an interval"
    low, high = (f"{end:.{about.digits}f}" for end in sorted(ends))
    p = "" if np.isnan(difference.p) else f" (p = {difference.p:.2g})"
    return f"{amount} [{low}, {high}]; this {'is certain' if is_certain(difference) else 'may be chance'}{p}"


def verdicts(experiments: Sequence[Experiment]) -> list[Verdict]:
    """A verdict on each trained experiment.

    Args:
        experiments: collected results. The baseline of verification is an experiment that was not trained here and is
            not the extractor of another; of embedding enhancement, the extractor; of enhancement and extraction, the
            mixture. In recognition each experiment is compared with the first, and the first with the next.
    """
    return [_verdict(results, experiments) for results in experiments if results.train]


def _verdict(results: Experiment, experiments: Sequence[Experiment]) -> Verdict:
    metrics = {name for one in results.sets for name in one.metrics}
    remark, missing = "", ""
    if extractor := _extractor(results):
        raw = next((experiment for experiment in experiments if experiment.name == extractor), None)
        claims = list(_by_test_set(results, raw, "the extractor alone"))
    elif "wer" in metrics:
        remark, claims = _rates(results), list(_over_rival(results, experiments))
        missing = remark
    elif "si_sdri" in metrics:
        claims, missing = list(_over_mixture(results)), "It is not compared with the mixture."
    else:
        claims = list(_over_baseline(results, _baseline(results, experiments)))
    missing = missing or "It is not compared with a baseline."
    targets = sum(one.n_target or 0 for one in results.sets)
    within = sum(one.n_target_within_session or 0 for one in results.sets)
    share = within / targets if targets else 0.0
    return Verdict(results.name, claims, remark if claims else missing, results.train.get("steps"), share)


def _extractor(results: Experiment) -> str:
    """Name of the experiment whose embeddings it enhances; empty if there is none."""
    return (results.train.get("extractor") or {}).get("extractor", "")


def _baseline(results: Experiment, experiments: Sequence[Experiment]) -> Experiment | None:
    """The first untrained experiment, of one trained here also one trained by others; rather of the same scoring."""
    extractors = {_extractor(one) for one in experiments}
    candidates = [one for one in experiments if not (one.is_trained_here if results.is_trained_here else one.train)]
    untrained = [one for one in candidates if one.name not in extractors]
    return next((one for one in untrained if one.scores == results.scores), untrained[0] if untrained else None)


def _claim(over: str, reference: str, sets: Sequence[SetSummary], theirs: Sets, metric: str = "eer") -> Claim:
    """Of the mean of a metric over sets, against those of the same names."""
    others = [theirs[one.name] for one in sets]
    value, reference_value = (float(np.mean([one.metrics[metric].value for one in part])) for part in (sets, others))
    rates = difference(others, sets)
    unknown = Difference(value - reference_value, _UNKNOWN, _UNKNOWN, _UNKNOWN)
    first = sets[0].metrics[metric]
    interval = (first.low, first.high) if len(sets) == 1 else average_interval(sets, metric) or (None, None)
    return Claim(over, reference, metric, value, reference_value, rates[metric] if rates else unknown, *interval)


def _shared(results: Experiment, other: Experiment | None) -> tuple[list[SetSummary], dict[str, SetSummary]]:
    """The sets that both have, and those of the other by name."""
    theirs = {one.name: one for one in other.sets} if other else {}
    return [one for one in results.sets if one.name in theirs], theirs


def _over_baseline(results: Experiment, baseline: Experiment | None) -> Iterator[Claim]:
    """Over the clean set, and over all sets if there are others; by test set if there are several."""
    shared, theirs = _shared(results, baseline)
    clean = [one for one in shared if one.condition.noise == "clean"]
    reference = f"{baseline.name}, which others trained" if baseline and baseline.train else "the untrained baseline"
    if len(clean) > 1:
        yield from _by_test_set(results, baseline, reference)
        return
    if clean:
        yield _claim("clean speech", reference, clean, theirs)
    if len(shared) > len(clean):
        yield _claim(f"mean of {len(shared)} conditions", reference, shared, theirs)


def _by_test_set(results: Experiment, other: Experiment | None, reference: str) -> Iterator[Claim]:
    """Against another experiment, by test set: clean, and mean over noisy conditions."""
    shared, theirs = _shared(results, other)
    for clean in (one for one in shared if one.condition.noise == "clean"):
        yield _claim(f"{clean.name}, clean", reference, [clean], theirs)
        noisy = [one for one in shared if one.test_set == clean.name and one.condition.noise != "clean"]
        if noisy:
            over = f"{clean.name}, mean of {len(noisy)} noisy conditions"
            yield _claim(over, reference, noisy, theirs)


def _over_mixture(results: Experiment) -> Iterator[Claim]:
    """SI-SDR of the mean over sets if there is one, else of the first set."""
    first = next(results.every_set)
    gain = first.metrics.get("si_sdri")
    if gain is not None and gain.value is not None:
        output, mixture = (first.metrics[name] for name in ("si_sdr", "si_sdr_mix"))
        low, high = (_UNKNOWN if end is None else end for end in (gain.low, gain.high))
        change = Difference(gain.value, low, high, _UNKNOWN)
        values = output.value, mixture.value, change, output.low, output.high
        yield Claim(first.name, "the unprocessed mixture", "si_sdr", *values)


def _rates(results: Experiment) -> str:
    """Error rates of the mean over sets if there is one, else of the first set."""
    over = next(results.every_set)
    wer, cer = (over.metrics[name] for name in ("wer", "cer"))
    if wer.value is None:
        return f"{over.name} has no error rate, since its references are empty."
    interval = "" if wer.low is None else f" [{wer.low:.2f}, {wer.high:.2f}]"
    return f"{over.name}: WER {wer.value:.2f} %{interval}, CER {cer.value:.2f} %."


def _over_rival(results: Experiment, experiments: Sequence[Experiment]) -> Iterator[Claim]:
    """The first experiment; of that itself the next, rather of another network than another variant."""
    first, *others = experiments
    another = next((other for other in others if other.expdir != first.expdir), others[0] if others else None)
    rival = first if results is not first else another
    over = next(results.every_set)
    names = over.of or [over.name]
    sets, theirs = _shared(results, rival)
    sets = [one for one in sets if one.name in names]
    if rival and len(sets) == len(names) and over.metrics["wer"].value is not None:
        rate = over.metrics["wer"]
        yield replace(_claim(over.name, rival.name, sets, theirs, "wer"), low=rate.low, high=rate.high)
