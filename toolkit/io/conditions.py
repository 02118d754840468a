"""``conditions.tsv`` of a mixture set: test set, noise type and SNR. The planner writes it, scoring reads it.

A header and one line, tab-separated: ``test_set noise snr``, e.g. ``test babble 5``. ``mixed``: the set has several.
"""

import math
from pathlib import Path

from toolkit.io.atomic import replacing
from toolkit.io.datadir import DataDir
from toolkit.io.errors import InputError
from toolkit.io.text import read_lines

NAME = "conditions.tsv"
_HEADER = ("test_set", "noise", "snr")


def write_conditions(path, test_set: str) -> None:
    """Write the table of a data dir from its utt2noise and utt2snr; ``test_set``: the clean set of the mixtures."""
    condition = _of_tables(path)
    values = [test_set, condition["noise"], "inf" if condition["snr"] is None else condition["snr"]]
    with replacing(Path(path) / NAME) as handle:
        handle.write("\t".join(_HEADER) + "\n" + "\t".join(map(str, values)) + "\n")


def read_condition(path) -> dict:
    """The condition of a data dir, from conditions.tsv, or if it is missing from utt2noise and utt2snr.

    Args:
        path: the data dir; None: clean speech.

    Returns:
        ``{"noise": type | "clean" | "mixed", "snr": dB | None | "mixed"}``, and ``test_set`` if conditions.tsv exists.

    Raises:
        InputError: a table is malformed.
    """
    if path is None:
        return {"noise": "clean", "snr": None}
    table = Path(path) / NAME
    if not table.is_file():
        return _of_tables(path)
    lines = [line.split("\t") for _, line in read_lines(table)]
    if len(lines) != 2 or tuple(lines[0]) != _HEADER or len(lines[1]) != len(_HEADER):
        raise InputError(
            f"{table}: must be a header and one line, {' '.join(_HEADER)}, separated by tabs; plan the set again, or "
            "remove the table"
        )
    test_set, noise, snr = lines[1]
    return {"noise": noise, "snr": snr if snr == "mixed" else _decibels(snr, str(table)), "test_set": test_set}


def _of_tables(path) -> dict:
    data, noises = DataDir(path), {"clean"}
    snrs: set[float | None] = {None}
    if "utt2noise" in data:
        noises = set(data.table("utt2noise").values())
    elif "utt2snr" in data:
        raise InputError(f"{path}: has utt2snr but no utt2noise; add utt2noise, which names the type of noise")
    if "utt2snr" in data:
        snrs = {_decibels(value, f"{path}/utt2snr: {utt}") for utt, value in data.table("utt2snr").items()}
    return {
        "noise": noises.pop() if len(noises) == 1 else "mixed",
        "snr": snrs.pop() if len(snrs) == 1 else "mixed",
    }


def _decibels(text: str, where: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value) or value == -math.inf:
        raise InputError(f"{where}: must be a number in dB, got {text!r}")
    if math.isinf(value):  # no noise at all
        return None
    return int(value) if value.is_integer() else value
