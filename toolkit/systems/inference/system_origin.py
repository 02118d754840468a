"""Where a system comes from, and its summary for a person."""

import textwrap
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
    """A heading, and each name with its value, which may go on in some more lines."""
    rows = [head, *(f"  {name:13}{value}" for name, value in lines.items())]
    options: dict = {"subsequent_indent": " " * 15, "break_on_hyphens": False, "max_lines": 4, "placeholder": " ..."}
    return "\n".join(textwrap.fill(one_line(row), _WIDTH, **options) for row in rows)
