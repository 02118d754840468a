"""Verdicts above the tables of a page: comparison with the baseline, training steps, kind of trials."""

from collections.abc import Iterator, Sequence

import numpy as np

from toolkit.report.bootstrap_samples import difference
from toolkit.report.summaries import Experiment, SetSummary

FEW_STEPS = 500  # with fewer steps a network is often worse than an untrained one
_LEVEL = 0.05  # p-values above it show no difference


def verdicts(experiments: Sequence[Experiment]) -> list[str]:
    """A sentence for each trained experiment.

    Args:
        experiments: collected results. The baseline of verification is an untrained experiment (``train`` is empty, and
            it is not the extractor of another); of embedding enhancement, the extractor; of enhancement and extraction,
            the mixture. In recognition each experiment is compared with the first, and the first with the next.
    """
    extractors = {(results.train.get("extractor") or {}).get("extractor") for results in experiments}
    others = [experiment for experiment in experiments if experiment.name not in extractors]
    baselines = [experiment for experiment in others if not experiment.train]
    lines = []
    for results in experiments:
        if results.train:
            same_backend = (candidate for candidate in baselines if candidate.scores == results.scores)
            baseline = next(same_backend, baselines[0] if baselines else None)
            metrics = {name for set_result in results.sets for name in set_result.metrics}
            if extractor := (results.train.get("extractor") or {}).get("extractor"):
                raw = next((experiment for experiment in experiments if experiment.name == extractor), None)
                compared = list(_over_extractor(results, raw))
            elif "wer" in metrics:
                compared = [_recognised(results, _rival(results, experiments))]
            else:
                mixture = "si_sdri" in metrics
                compared = [_over_mixture(results)] if mixture else list(_over_baseline(results, baseline))
            circumstances = "; ".join(_circumstances(results))
            comparisons = ". ".join(compared) or "not compared with an untrained baseline"
            lines.append(f"{results.name}: {comparisons}{circumstances and ': '}{circumstances}.")
    return lines


def _over_baseline(results: Experiment, baseline: Experiment | None) -> Iterator[str]:
    """Comparison over the clean sets, and over all sets if there are others."""
    theirs = {test_set.name: test_set for test_set in baseline.sets} if baseline else {}
    shared = [test_set for test_set in results.sets if test_set.name in theirs]
    clean = [test_set for test_set in shared if test_set.condition.noise == "clean"]
    for label, sets in (("clean", clean), (f"mean of {len(shared)} conditions", shared)):
        if sets and (sets is clean or len(sets) > len(clean)):
            word, rates = _compared(sets, theirs, "too few speakers for a p-value")
            over = f"{label}, " if len(shared) > len(clean) else ""
            yield f"{over}{word} the untrained baseline ({rates})"


def _over_extractor(results: Experiment, raw: Experiment | None) -> Iterator[str]:
    """Enhanced embeddings against the extractor's, by test set: clean, and mean over noisy conditions."""
    theirs = {test_set.name: test_set for test_set in raw.sets} if raw else {}
    shared = [test_set for test_set in results.sets if test_set.name in theirs]
    is_clean = {test_set.name: test_set.condition.noise == "clean" for test_set in shared}
    for name in (name for name in is_clean if is_clean[name]):
        clean = [test_set for test_set in shared if test_set.name == name]
        noisy = [test_set for test_set in shared if test_set.test_set == name and not is_clean[test_set.name]]
        for label, sets in ((f"{name}, clean", clean), (f"{name}, mean of {len(noisy)} noisy conditions", noisy)):
            if sets:
                word, rates = _compared(sets, theirs, "no p-value")
                yield f"{label}: {word} the extractor alone ({rates})"


def _compared(sets: Sequence[SetSummary], theirs: dict[str, SetSummary], unknown: str) -> tuple[str, str]:
    """``better than``, and ``EER 2.00 % against 3.00 %, p = 0.01``: over sets, against those of the same names."""
    others = [theirs[test_set.name] for test_set in sets]
    after, before = (float(np.mean([one.metrics["eer"].value for one in part])) for part in (sets, others))
    differences = difference(others, sets)
    p = differences["eer"].p if differences else float("nan")
    chance = unknown if np.isnan(p) else f"p = {p:.2g}"
    return _word(before - after, p), f"EER {after:.2f} % against {before:.2f} %, {chance}"


def _word(gain: float, p: float) -> str:
    if not p <= _LEVEL:  # or NaN: no p-value
        return "not shown to be better than" if gain > 0 else "no better than"
    return "better than" if gain > 0 else "worse than" if gain < 0 else "as good as"


def _over_mixture(results: Experiment) -> str:
    """SI-SDR improvement of the mean over sets if there is one, else of the first set."""
    first = next(results.every_set)
    metric = first.metrics.get("si_sdri")
    if metric is None or metric.value is None:
        return "not compared with the mixture"
    value, low, high = metric.value, metric.low, metric.high
    shown = low is not None and (low > 0 or high < 0)
    word = _word(value, float(not shown))
    interval = "" if low is None else f" [{low:.2f}, {high:.2f}]"
    return f"{first.name}, {word} the mixture (SI-SDR improvement {value:.2f} dB{interval})"


def _rival(results: Experiment, experiments: Sequence[Experiment]) -> Experiment | None:
    """The first experiment; of that itself the next, rather of another network than another variant."""
    first, *others = experiments
    if results is not first:
        return first
    return next((other for other in others if other.expdir != first.expdir), others[0] if others else None)


def _recognised(results: Experiment, other: Experiment | None) -> str:
    """Error rates of the mean over sets if there is one, else of the first set; against another experiment's."""
    over = next(results.every_set)
    wer, cer = (over.metrics[name] for name in ("wer", "cer"))
    if wer.value is None:
        return f"{over.name}, no error rate, since its references are empty"
    interval = "" if wer.low is None else f" [{wer.low:.2f}, {wer.high:.2f}]"
    text = f"{over.name}, WER {wer.value:.2f} %{interval}, CER {cer.value:.2f} %"
    names = over.of or [over.name]
    theirs = {one.name: one for one in other.sets if one.name in names} if other else {}
    if other is None or len(theirs) < len(names):
        return text
    ours = {one.name: one for one in results.sets}
    rates = difference([theirs[name] for name in names], [ours[name] for name in names])
    if rates is None:
        return text
    gain, p = -rates["wer"].value, rates["wer"].p
    chance = "too few speakers for a p-value" if np.isnan(p) else f"p = {p:.2g}"
    return f"{text}, {_word(gain, p)} {other.name} ({wer.value + gain:.2f} %, {chance})"


def _circumstances(results: Experiment) -> Iterator[str]:
    steps = results.train.get("steps")
    if steps is not None:
        yield f"{steps:,} steps" + (", fewer than most networks need" if steps < FEW_STEPS else "")
    targets = sum(set_result.n_target or 0 for set_result in results.sets)
    within = sum(set_result.n_target_within_session or 0 for set_result in results.sets)
    if within:
        share = "all" if within == targets else f"{100 * within / targets:.0f} % of the"
        yield f"{share} target trials lie within one session, so error rates are lower than in use"
