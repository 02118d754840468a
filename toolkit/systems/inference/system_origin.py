"""Where a system comes from, and its summary for a person."""

from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.io.errors import one_line

_WIDTH = 100  # columns


@dataclass(frozen=True)
class Origin:
    """Source of a system.

    Attributes:
        path: the experiment, the zip, the ONNX file or the checkpoint; None: created in Python.
        weights: weights file; None: the network has no weights.
        training, calibration: content of train_info.json and calibration/calibration.json; None if missing.
        card: the model card (toolkit.systems.card); None if missing.
    """

    path: str | None = None
    weights: str | None = None
    training: dict | None = None
    calibration: dict | None = None
    card: dict | None = None


def summary(head: str, lines: Mapping[str, str]) -> str:
    """A heading, and a line for each name and value."""
    rows = [f"  {name:13}{value}" for name, value in lines.items()]
    return "\n".join(one_line(line)[:_WIDTH] for line in (head, *rows))
