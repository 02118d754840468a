"""Verdicts above the tables of a page: comparison with the baseline, training steps, kind of trials."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from toolkit.report.bootstrap_samples import difference

FEW_STEPS = 500  # with fewer steps a network is often worse than an untrained one
_LEVEL = 0.05  # p-values above it show no difference


def verdicts(experiments: Sequence[Mapping]) -> list[str]:
    """A sentence for each trained experiment.

    Args:
        experiments: collected results. The baseline of verification is an untrained experiment (``train`` is empty, and
            it is not the extractor of another); of embedding enhancement, the extractor; of enhancement and extraction,
            the mixture.
    """
    extractors = {(results["train"].get("extractor") or {}).get("extractor") for results in experiments}
    others = [experiment for experiment in experiments if experiment["experiment"] not in extractors]
    baselines = [experiment for experiment in others if not experiment["train"]]
    lines = []
    for results in experiments:
        if results["train"]:
            same_backend = (candidate for candidate in baselines if candidate.get("scores") == results.get("scores"))
            baseline = next(same_backend, baselines[0] if baselines else None)
            signal = any("si_sdri" in set_result["metrics"] for set_result in results["sets"])
            if extractor := (results["train"].get("extractor") or {}).get("extractor"):
                raw = next((experiment for experiment in experiments if experiment["experiment"] == extractor), None)
                compared = list(_over_extractor(results, raw))
            else:
                compared = [_over_mixture(results)] if signal else list(_over_baseline(results, baseline))
            circumstances = "; ".join(_circumstances(results))
            comparisons = ". ".join(compared) or "not compared with an untrained baseline"
            lines.append(f"{results['experiment']}: {comparisons}{circumstances and ': '}{circumstances}.")
    return lines


def _over_baseline(results: Mapping, baseline: Mapping | None) -> Iterator[str]:
    """Comparison over the clean sets, and over all sets if there are others."""
    theirs = {set_result["set"]: set_result for set_result in baseline["sets"]} if baseline else {}
    shared = [set_result for set_result in results["sets"] if set_result["set"] in theirs]
    clean = [set_result for set_result in shared if set_result["condition"]["noise"] == "clean"]
    for label, sets in (("clean", clean), (f"mean of {len(shared)} conditions", shared)):
        if sets and (sets is clean or len(sets) > len(clean)):
            others = [theirs[set_result["set"]] for set_result in sets]
            ours, baseline_eer = (
                float(np.mean([set_result["metrics"]["eer"]["value"] for set_result in part]))
                for part in (sets, others)
            )
            differences = difference(others, sets)
            p = differences["eer"].p if differences else float("nan")
            word = _word(baseline_eer - ours, p)
            chance = "too few speakers for a p-value" if np.isnan(p) else f"p = {p:.2g}"
            over = f"{label}, " if len(shared) > len(clean) else ""
            yield f"{over}{word} the untrained baseline (EER {ours:.2f} % against {baseline_eer:.2f} %, {chance})"


def _over_extractor(results: Mapping, raw: Mapping | None) -> Iterator[str]:
    """Enhanced embeddings against the extractor's, by test set: clean, and mean over noisy conditions."""
    theirs = {set_result["set"]: set_result for set_result in raw["sets"]} if raw else {}
    shared = [set_result for set_result in results["sets"] if set_result["set"] in theirs]
    names = [set_result["set"] for set_result in shared if set_result["condition"]["noise"] == "clean"]
    for name in names:
        clean = [set_result for set_result in shared if set_result["set"] == name]
        noisy = [
            set_result
            for set_result in shared
            if set_result["set"].startswith(f"{name}_") and set_result["set"] not in names
        ]
        for label, sets in ((f"{name}, clean", clean), (f"{name}, mean of {len(noisy)} noisy conditions", noisy)):
            if sets:
                others = [theirs[set_result["set"]] for set_result in sets]
                before, after = (
                    float(np.mean([set_result["metrics"]["eer"]["value"] for set_result in s])) for s in (others, sets)
                )
                differences = difference(others, sets)
                p = differences["eer"].p if differences else float("nan")
                chance = "no p-value" if np.isnan(p) else f"p = {p:.2g}"
                word = _word(before - after, p)
                yield f"{label}: {word} the extractor alone (EER {after:.2f} % against {before:.2f} %, {chance})"


def _word(gain: float, p: float) -> str:
    if not p <= _LEVEL:  # or NaN: no p-value
        return "not shown to be better than" if gain > 0 else "no better than"
    return "better than" if gain > 0 else "worse than" if gain < 0 else "as good as"


def _over_mixture(results: Mapping) -> str:
    """SI-SDR improvement of the mean over sets if there is one, else of the first set."""
    set_results: list[Mapping] = [*results.get("means", []), *results["sets"]]
    (set_result, *_) = set_results
    metric = set_result["metrics"].get("si_sdri") or {"value": None}
    if metric["value"] is None:
        return "not compared with the mixture"
    value, low, high = metric["value"], metric["low"], metric["high"]
    shown = low is not None and (low > 0 or high < 0)
    word = _word(value, float(not shown))
    interval = "" if low is None else f" [{low:.2f}, {high:.2f}]"
    return f"{set_result['set']}, {word} the mixture (SI-SDR improvement {value:.2f} dB{interval})"


def _circumstances(results: Mapping) -> Iterator[str]:
    steps = results["train"].get("steps")
    if steps is not None:
        yield f"{steps:,} steps" + (", fewer than most networks need" if steps < FEW_STEPS else "")
    targets = sum(set_result.get("n_target", 0) for set_result in results["sets"])
    within = sum(set_result.get("n_target_within_session", 0) for set_result in results["sets"])
    if within:
        share = "all" if within == targets else f"{100 * within / targets:.0f} % of the"
        yield f"{share} target trials lie within one session, so error rates are lower than in use"
