"""Error rates of means over sets, and paired differences, on the same bootstrap samples of speakers."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from toolkit.io.datadir import c_sorted
from toolkit.metrics.recognition.registry import METRICS, limits_of
from toolkit.metrics.statistics.bootstrap import Resamples, mean_of
from toolkit.metrics.statistics.paired import Difference, compare
from toolkit.report.recognition.utterance_errors import errors_of
from toolkit.report.summaries import Estimate, Experiment, SetSummary


def _resample(sets: Sequence[SetSummary]) -> Resamples:
    """The mean over sets, and that of each bootstrap sample of all their speakers."""
    parts, facts = [errors_of(one) for one in sets], sets[0].bootstrap
    speakers = c_sorted({spk for part in parts for spk in part.speaker})
    return mean_of([part.resample(speakers, facts["resamples"], facts["seed"]) for part in parts])


def average(sets: Sequence[SetSummary]) -> dict[str, Estimate]:
    """The mean of the rates of sets, with intervals; the counts are sums."""
    estimates = {}
    for name, interval in _resample(sets).intervals(sets[0].bootstrap["level"], limits_of).items():
        numbers = METRICS[name].in_units(dict(zip(("value", "low", "high"), interval, strict=True)))
        counts: Counter[str] = Counter()
        for one in sets:
            counts.update(one.metrics[name].counts)
        estimates[name] = Estimate(numbers["value"], numbers["low"], numbers["high"], counts=dict(counts))
    return estimates


def mean_over(sets: Sequence[SetSummary], label: str) -> SetSummary:
    """The mean over two sets or more, in which each set counts the same; one set as it is."""
    if len(sets) == 1:
        return sets[0]
    numbers = [one.n_utterances or 0 for one in sets]
    return SetSummary(average(sets), n_utterances=sum(numbers), name=label, of=[one.name for one in sets])


def means_over(sets: Sequence[SetSummary], ood: Collection[str]) -> list[SetSummary]:
    """The mean over the sets in the domain, and that over those out of it, where there are several."""
    means = []
    for of_ood, suffix in ((False, ""), (True, ", out of domain")):
        inside = [one for one in sets if (one.condition.noise in ood) == of_ood]
        if len(inside) > 1:
            means.append(mean_over(inside, f"mean of {len(inside)} sets{suffix}"))
    return means


def difference(ours: Sequence[SetSummary], theirs: Sequence[SetSummary]) -> dict[str, Difference] | None:
    """Theirs minus ours in the mean over sets, in %, paired by utterance; None if these are not the same.

    Args:
        ours, theirs: sets of the same names, in the same order.
    """
    for first, second in zip(map(errors_of, ours), map(errors_of, theirs), strict=True):
        if (first.utts, first.speaker, first.references) != (second.utts, second.speaker, second.references):
            return None
    a, facts = _resample(ours), ours[0].bootstrap
    b = _resample([replace(one, bootstrap=facts) for one in theirs])  # the same samples
    return {
        name: Difference(*[*(METRICS[name].scale * x for x in rates[:3]), rates.p])
        for name, rates in compare(a, b, facts["level"]).items()
    }


def compare_experiments(first: Experiment, other: Experiment, ood: Collection[str]) -> dict:
    """An experiment against the first, in the means and set by set.

    Returns:
        ``{"experiment", "differences": {over: {metric: {"value", "low", "high", "p", "unit"}}}, "notes"}``; the notes
        say which sets are not compared.
    """
    ours, theirs = ({one.name: one for one in results.sets} for results in (first, other))
    paired, notes = [], []
    if unpaired := [name for name in {**ours, **theirs} if name not in ours or name not in theirs]:
        notes.append(f"not in both: {', '.join(unpaired)}")
    for name in (name for name in ours if name in theirs):
        if difference([ours[name]], [theirs[name]]) is None:
            notes.append(f"{name}: other utterances, speakers or references")
        else:
            paired.append(ours[name])
    groups = {mean.name: mean.of for mean in means_over(paired, ood)} | {one.name: [one.name] for one in paired}
    differences = {}
    for over, names in groups.items():
        rates = difference([ours[name] for name in names], [theirs[name] for name in names]) or {}
        differences[over] = {
            name: METRICS[name]._replace(scale=1.0).in_units(rate._asdict()) for name, rate in rates.items()
        }
    return {"experiment": other.name, "differences": differences, "notes": notes}
