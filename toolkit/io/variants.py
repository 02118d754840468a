"""``variant.json`` of a set of outputs: the parameter of a sweep and its value.

The program that makes the outputs writes it, scoring copies it to the results, and reports use it to show sweeps.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.files import misfit, read_json

NAME = "variant.json"
SHAPE = {"parameter": str, "value": float}


def declare_variant(root, sets: Iterable[str], parameter: str, value: float | None) -> None:
    """Write the value of ``parameter`` (an option's name) beside each set's outputs; None: no sweep."""
    for name in sets:
        _write(Path(root, name, NAME), {} if value is None else {"parameter": parameter, "value": value})


def carry_variant(source, out) -> None:
    """Copy the variant of a set's outputs to the folder of its scores."""
    _write(Path(out, NAME), read_variant(source))


def read_variant(folder) -> dict:
    """``{"parameter", "value"}``; empty without a variant.

    Raises:
        InputError: the file is malformed.
    """
    path = Path(folder, NAME)
    if not path.is_file():
        return {}
    content = read_json(path, "make the outputs again (stage 7)")
    if fault := misfit(content, SHAPE):
        raise InputError(f"{path}: {fault}; make the outputs again (stage 7)")
    return content


def _write(path: Path, content: dict) -> None:
    if not content:
        path.unlink(missing_ok=True)
        return
    with replacing(path) as handle:
        json.dump(content, handle)
