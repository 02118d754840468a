"""How a metric is shown: one entry for each in the registries of toolkit.metrics.signal and .verification."""

from collections.abc import Mapping
from math import inf, isnan
from typing import NamedTuple


class Metric(NamedTuple):
    """How a metric is shown.

    Attributes:
        label: its name in sentences.
        unit: of the values as they are shown.
        higher_is_better: else a lower value is.
        scale: factor from the values that are computed.
        digits: behind the point.
        limits: least and greatest value that is computed.

    Example::

        assert Metric("speaker confusion", "%", False, 100).title == "Speaker confusion (%)"
    """

    label: str
    unit: str = ""
    higher_is_better: bool = True
    scale: float = 1.0
    digits: int = 2
    limits: tuple[float, float] = (-inf, inf)

    @property
    def title(self) -> str:
        """Its name at the head of a column, with the unit."""
        label = self.label[0].upper() + self.label[1:] if self.label.split()[0].islower() else self.label
        return f"{label} ({self.unit})" if self.unit else label

    def in_units(self, numbers: Mapping[str, float]) -> dict:
        """Numbers for JSON: in its unit (a p-value has none), None where undefined."""
        scaled = {key: x if key == "p" else self.scale * x for key, x in numbers.items()}
        return {key: None if isnan(x) else round(x, 6) for key, x in scaled.items()} | {"unit": self.unit}
