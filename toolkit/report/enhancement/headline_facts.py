"""Headline results of an enhancement or extraction experiment."""

from collections.abc import Mapping

from toolkit.metrics.signal.registry import METRICS, metric_of
from toolkit.report.enhancement.audio_results import ABSENT, OF_ABSENT, every_set
from toolkit.report.page import origin_facts

_HEADLINES = (("si_sdr",), ("pesq_wb", "pesq_nb"), ("estoi", "stoi"), ("dnsmos_ovrl",))  # the first available of each


def headline_facts(results: Mapping) -> list[tuple[str, str, str]]:
    """Improvements, failures and facts of training: name, value, interval."""
    first, *others = results["means"] or results["sets"][:1]
    facts = []
    for family in _HEADLINES:
        name_of_family = next((name for name in family if name in first["metrics"]), None)
        if name_of_family:
            facts += _fact(first, f"{name_of_family}i" if f"{name_of_family}i" in first["metrics"] else name_of_family)
    facts += _fact(first, "speaker_confusion")
    absent = {set_result["set"]: set_result for set_result in every_set(results["variants"].get(ABSENT, {"sets": []}))}
    for name in OF_ABSENT:
        facts += _fact(absent.get(first["set"], {"metrics": {}}), name)
    for other in others:
        facts += _fact(other, "si_sdri" if "si_sdri" in other["metrics"] else "si_sdr")
    return facts + origin_facts(results)


def _fact(results: Mapping, name: str) -> list[tuple[str, str, str]]:
    estimate = results["metrics"].get(name)
    if estimate is None or estimate["value"] is None:
        return []
    metric, sign = metric_of(name), "" if name in METRICS else "+"
    value, *interval = (
        f"{estimate[key]:{sign}.{metric.digits}f}" for key in ("value", "low", "high") if estimate[key] is not None
    )
    return [(f"{metric.label}, {results['set']}", f"{value} {metric.unit}".rstrip(), " to ".join(interval))]
