"""Description of a metric, for the registries in the subpackages of toolkit.metrics."""

from collections.abc import Mapping
from math import inf, isnan
from typing import NamedTuple


class Metric(NamedTuple):
    """Name, unit and range of a metric.

    Attributes:
        label: name in sentences.
        unit: unit of displayed values.
        higher_is_better: False: lower is better.
        scale: factor from computed to displayed values.
        digits: number of decimals.
        limits: smallest and largest computed value.

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
        """Column title: label and unit."""
        label = self.label[0].upper() + self.label[1:] if self.label.split()[0].islower() else self.label
        return f"{label} ({self.unit})" if self.unit else label

    @property
    def difference(self) -> "Metric":
        """How differences of the metric are shown: those of rates are in points, as 2 % is not 1 % better than 3 %."""
        return self._replace(unit="points") if self.unit == "%" else self

    def in_units(self, numbers: Mapping[str, float]) -> dict:
        """Numbers for JSON: in the displayed unit (except p-values), None if undefined."""
        scaled = {key: x if key == "p" else self.scale * x for key, x in numbers.items()}
        return {key: None if isnan(x) else round(x, 6) for key, x in scaled.items()} | {"unit": self.unit}
