"""What a page says before its tables: is the network better than none, after how many steps, on what kind of trials."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from toolkit.report.bootstrap_samples import difference

FEW_STEPS = 500  # below this a network often ends worse than one without training
_LEVEL = 0.05  # p-values above it show no difference


def verdicts(experiments: Sequence[Mapping]) -> list[str]:
    """A sentence for each trained experiment.

    Args:
        experiments: gathered results of verification, where one that was not trained (``train`` is empty) is the
            baseline; of enhancement of embeddings, whose baseline is their extractor; or of enhancement and extraction,
            whose baseline is the mixture.
    """
    baselines = [one for one in experiments if not one["train"]]
    lines = []
    for results in experiments:
        if results["train"]:
            same_way = (one for one in baselines if one.get("scores") == results.get("scores"))
            baseline = next(same_way, baselines[0] if baselines else None)
            signal = any("si_sdri" in one["metrics"] for one in results["sets"])
            if extractor := (results["train"].get("extractor") or {}).get("extractor"):
                raw = next((one for one in experiments if one["experiment"] == extractor), None)
                compared = list(_over_extractor(results, raw))
            else:
                compared = [_over_mixture(results)] if signal else list(_over_baseline(results, baseline))
            circumstances = "; ".join(_circumstances(results))
            comparisons = ". ".join(compared) or "not compared with an untrained baseline"
            lines.append(f"{results['experiment']}: {comparisons}{circumstances and ': '}{circumstances}.")
    return lines


def _over_baseline(results: Mapping, baseline: Mapping | None) -> Iterator[str]:
    """Over the sets without noise, and over all where there is more."""
    theirs = {one["set"]: one for one in baseline["sets"]} if baseline else {}
    shared = [one for one in results["sets"] if one["set"] in theirs]
    clean = [one for one in shared if one["condition"]["noise"] == "clean"]
    for label, sets in (("clean", clean), (f"mean of {len(shared)} conditions", shared)):
        if sets and (sets is clean or len(sets) > len(clean)):
            others = [theirs[one["set"]] for one in sets]
            ours, baseline_eer = (
                float(np.mean([one["metrics"]["eer"]["value"] for one in part])) for part in (sets, others)
            )
            differences = difference(others, sets)
            p = differences["eer"].p if differences else float("nan")
            word = _word(baseline_eer - ours, p)
            chance = "too few speakers for a p-value" if np.isnan(p) else f"p = {p:.2g}"
            over = f"{label}, " if len(shared) > len(clean) else ""
            yield f"{over}{word} the untrained baseline (EER {ours:.2f} % against {baseline_eer:.2f} %, {chance})"


def _over_extractor(results: Mapping, raw: Mapping | None) -> Iterator[str]:
    """Enhanced embeddings against those they are made of, test set by test set: without noise, and in all of it."""
    theirs = {one["set"]: one for one in raw["sets"]} if raw else {}
    shared = [one for one in results["sets"] if one["set"] in theirs]
    names = [one["set"] for one in shared if one["condition"]["noise"] == "clean"]
    for name in names:
        clean = [one for one in shared if one["set"] == name]
        noisy = [one for one in shared if one["set"].startswith(f"{name}_") and one["set"] not in names]
        for label, sets in ((f"{name}, clean", clean), (f"{name}, mean of {len(noisy)} noisy conditions", noisy)):
            if sets:
                others = [theirs[one["set"]] for one in sets]
                before, after = (float(np.mean([one["metrics"]["eer"]["value"] for one in s])) for s in (others, sets))
                differences = difference(others, sets)
                p = differences["eer"].p if differences else float("nan")
                chance = "no p-value" if np.isnan(p) else f"p = {p:.2g}"
                word = _word(before - after, p)
                yield f"{label}: {word} the extractor alone (EER {after:.2f} % against {before:.2f} %, {chance})"


def _word(gain: float, p: float) -> str:
    if not p <= _LEVEL:  # nor is anything shown where there is no p-value
        return "not shown to be better than" if gain > 0 else "no better than"
    return "better than" if gain > 0 else "worse than" if gain < 0 else "as good as"


def _over_mixture(results: Mapping) -> str:
    """SI-SDR improvement, in the mean over sets where there is one."""
    (one, *_) = [*results.get("means", []), *results["sets"]]
    metric = one["metrics"].get("si_sdri") or {"value": None}
    if metric["value"] is None:
        return "not compared with the mixture"
    value, low, high = metric["value"], metric["low"], metric["high"]
    shown = low is not None and (low > 0 or high < 0)
    word = _word(value, float(not shown))
    interval = "" if low is None else f" [{low:.2f}, {high:.2f}]"
    return f"{one['set']}, {word} the mixture (SI-SDR improvement {value:.2f} dB{interval})"


def _circumstances(results: Mapping) -> Iterator[str]:
    steps = results["train"].get("steps")
    if steps is not None:
        yield f"{steps:,} steps" + (", fewer than most networks need" if steps < FEW_STEPS else "")
    targets = sum(one.get("n_target", 0) for one in results["sets"])
    within = sum(one.get("n_target_within_session", 0) for one in results["sets"])
    if within:
        share = "all" if within == targets else f"{100 * within / targets:.0f} % of the"
        yield f"{share} target trials lie within one session, so error rates are lower than in use"
