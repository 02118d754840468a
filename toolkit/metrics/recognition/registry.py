"""The metrics of recognised text by name."""

from math import inf

from toolkit.metrics.metric import Metric

METRICS = {
    "wer": Metric("WER", "%", False, 100, limits=(0.0, inf)),
    "cer": Metric("CER", "%", False, 100, limits=(0.0, inf)),
}


def limits_of(name: str) -> tuple[float, float]:
    """Least and greatest value of a rate; insertions may take it above 1."""
    return METRICS[name].limits
