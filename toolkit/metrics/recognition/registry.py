"""Registry of the metrics of speech recognition."""

from math import inf

from toolkit.metrics.metric import Metric

METRICS = {
    "wer": Metric("WER", "%", False, 100, limits=(0.0, inf)),
    "cer": Metric("CER", "%", False, 100, limits=(0.0, inf)),
}


def limits_of(name: str) -> tuple[float, float]:
    """Smallest and largest value of a rate; insertions can raise it above 1."""
    return METRICS[name].limits
