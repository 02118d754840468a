"""Score files: a line ``enroll test score`` for every trial."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.trials import Trials

_CHUNK_BYTES = 1 << 22
_CHUNK_TRIALS = 1 << 16
_LINE_END = "\0"  # stands for a line's end among the fields; no id contains it


@dataclass
class Scores:
    """N scored trials.

    Attributes:
        ids: each once.
        enroll: (N,) int32, index into ``ids``.
        test: (N,) int32, index into ``ids``.
        scores: (N,) float64.
    """

    ids: list[str]
    enroll: np.ndarray
    test: np.ndarray
    scores: np.ndarray


def write_scores(path, trials: Trials, scores: np.ndarray) -> None:
    """Write ``enroll test score`` lines, whole or not at all; scores with nine digits, all that a float32 has."""
    names = [f"{name} " for name in trials.ids]
    with replacing(path) as handle:
        for start in range(0, len(trials), _CHUNK_TRIALS):
            part = slice(start, start + _CHUNK_TRIALS)
            sides = (map(names.__getitem__, side[part].tolist()) for side in (trials.enroll, trials.test))
            handle.write("".join(map("%s%s%.9g\n".__mod__, zip(*sides, scores[part].tolist(), strict=True))))


def read_scores(path) -> Scores:
    """Read a score file.

    Raises:
        InputError: the file is missing, empty or not UTF-8, or a line is malformed or its score not finite (its number
            is named).
    """
    path = Path(path)
    index: defaultdict[str, int] = defaultdict(count().__next__)
    parts: list[tuple[np.ndarray, ...]] = []
    number = 1
    try:
        with open(path, encoding="utf-8") as handle:
            while lines := handle.readlines(_CHUNK_BYTES):
                parts.append(_parse(lines, index, path, number))
                number += len(lines)
    except FileNotFoundError:
        raise InputError(f"{path}: no such score file; score the trials first (sv_score)") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    if not parts:
        raise InputError(f"{path}: is empty; a score file has a line 'enroll test score' for every trial")
    return Scores(list(index), *(np.concatenate(column) for column in zip(*parts, strict=True)))


def _parse(lines: list[str], index: defaultdict, path: Path, number: int) -> tuple[np.ndarray, ...]:
    """Lines -> enroll, test, score; as toolkit.io.trials parses its own."""
    lines[-1] = lines[-1].rstrip("\n") + "\n"
    fields = "".join(lines).replace("\n", f" {_LINE_END} ").split()
    if len(fields) != 4 * len(lines) or fields[3::4].count(_LINE_END) != len(lines):
        raise _malformed(lines, path, number)
    enroll, test = (np.fromiter(map(index.__getitem__, fields[i::4]), np.int32) for i in (0, 1))
    try:
        scores = np.fromiter(map(float, fields[2::4]), np.float64)
    except ValueError:
        raise _malformed(lines, path, number) from None
    if not np.isfinite(scores).all():
        raise _malformed(lines, path, number)
    return enroll, test, scores


def _malformed(lines: list[str], path: Path, number: int) -> InputError:
    """The error that names the first line with a fault."""
    offset = next(_faults(lines))
    return InputError(f"{path}:{number + offset}: expected 'enroll test score', got {lines[offset].rstrip()!r}")


def _faults(lines: list[str]) -> Iterator[int]:
    for offset, line in enumerate(lines):
        fields = line.split()
        try:
            if len(fields) != 3 or not np.isfinite(float(fields[2])):
                yield offset
        except ValueError:
            yield offset


def scores_of(trials: Trials, found: Scores, path: str, other: str) -> np.ndarray:
    """The scores of these trials, in their order: (N,) float64.

    Args:
        path: of the scores, for messages.
        other: where the trials come from, for messages.

    Raises:
        InputError: the scores are of other trials.
    """
    number = {key: i for i, key in enumerate(trials.ids)}
    row = np.array([number.get(key, -1) for key in found.ids], dtype=np.int64)
    wanted = trials.enroll.astype(np.int64) * len(trials.ids) + trials.test
    there = row[found.enroll] * len(trials.ids) + row[found.test]
    there[(row[found.enroll] < 0) | (row[found.test] < 0)] = -1
    if np.array_equal(wanted, there):
        return found.scores
    first, second = np.argsort(wanted, kind="stable"), np.argsort(there, kind="stable")
    if not np.array_equal(wanted[first], there[second]):
        missing = np.flatnonzero(~np.isin(wanted, there))
        example = f", e.g. '{_pair(trials, missing[0])}' is not scored" if missing.size else ""
        raise InputError(
            f"{path}: its {len(there)} trials are not the {len(wanted)} of {other}{example}; score those again"
        )
    scores = np.empty_like(found.scores)
    scores[first] = found.scores[second]
    return scores


def _pair(trials: Trials, i: int) -> str:
    return f"{trials.ids[trials.enroll[i]]} {trials.ids[trials.test[i]]}"
