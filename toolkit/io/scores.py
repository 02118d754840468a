"""Score files: a line ``enroll test score`` for every trial."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import count

import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.errors import InputError
from toolkit.io.text import blocks, columns_of, fields
from toolkit.io.trials import Trials

_CHUNK_TRIALS = 1 << 16


@dataclass
class Scores:
    """N scored trials.

    Attributes:
        ids: unique ids.
        enroll: (N,) int32, index into ``ids``.
        test: (N,) int32, index into ``ids``.
        scores: (N,) float64.
    """

    ids: list[str]
    enroll: np.ndarray
    test: np.ndarray
    scores: np.ndarray


def write_scores(path, trials: Trials, scores: np.ndarray) -> None:
    """Write ``enroll test score`` lines atomically; nine digits keep a float32 exactly."""
    name = trials.ids.__getitem__
    with replacing(path) as handle:
        for start in range(0, len(trials), _CHUNK_TRIALS):
            part = slice(start, start + _CHUNK_TRIALS)
            sides = (map(name, side[part].tolist()) for side in (trials.enroll, trials.test))
            handle.write("".join(map("%s %s %.9g\n".__mod__, zip(*sides, scores[part].tolist(), strict=True))))


def read_scores(path) -> Scores:
    """Read a score file.

    Raises:
        InputError: the file is missing, empty or not UTF-8, or a line is malformed or its score not finite (the line
            number is named).
    """
    index: defaultdict[str, int] = defaultdict(count().__next__)
    parts: list[tuple[np.ndarray, ...]] = []
    for number, block in blocks(path, "score file not found; score the trials first (score_trials)"):
        columns = columns_of(block, 3)
        scores = _numbers(columns[2]) if columns else None
        if columns is None or scores is None:
            raise _malformed(block, path, number)
        parts.append((*(np.fromiter(map(index.__getitem__, columns[i]), np.int32) for i in (0, 1)), scores))
    if not parts:
        raise InputError(f"{path}: is empty; a score file has a line 'enroll test score' for every trial")
    return Scores(list(index), *(np.concatenate(column) for column in zip(*parts, strict=True)))


def _numbers(words: list[str]) -> np.ndarray | None:
    """(N,) float64; None if a word is not a finite number."""
    try:
        numbers = np.fromiter(map(float, words), np.float64)
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _malformed(block: bytes, path, number: int) -> InputError:
    """The error for the first malformed line."""
    lines = block.decode().split("\n")
    words = map(fields, lines)
    offset = next(i for i, line in enumerate(words) if len(line) != 3 or _numbers(line[2:]) is None)
    return InputError(f"{path}:{number + offset}: expected 'enroll test score', got {lines[offset]!r}")


def check_labels(trials: Trials, source) -> None:
    """Raise InputError, which names the list ``source``, if a pair is listed as target and as nontarget."""
    sides = np.sort(np.stack([trials.enroll, trials.test]).astype(np.int64), axis=0)
    pairs = sides[0] * len(trials.ids) + sides[1]
    both = np.intersect1d(pairs[trials.is_target], pairs[~trials.is_target])
    if both.size:
        a, b = (trials.ids[i] for i in divmod(int(both[0]), len(trials.ids)))
        raise InputError(
            f"{source}: '{a} {b}' is listed as target and as nontarget ({both.size} such pairs); remove the wrong lines"
        )


def scores_of(trials: Trials, scored: Scores, path: str, other: str) -> np.ndarray:
    """The scores of the trials, in their order: (N,) float64.

    Args:
        path: path of the scores, for messages.
        other: source of the trials, for messages.

    Raises:
        InputError: the scores belong to other trials.
    """
    number = {key: i for i, key in enumerate(trials.ids)}
    row = np.array([number.get(key, -1) for key in scored.ids], dtype=np.int64)
    trial_pairs = trials.enroll.astype(np.int64) * len(trials.ids) + trials.test
    scored_pairs = row[scored.enroll] * len(trials.ids) + row[scored.test]
    scored_pairs[(row[scored.enroll] < 0) | (row[scored.test] < 0)] = -1
    if np.array_equal(trial_pairs, scored_pairs):
        return scored.scores
    first, second = np.argsort(trial_pairs, kind="stable"), np.argsort(scored_pairs, kind="stable")
    if not np.array_equal(trial_pairs[first], scored_pairs[second]):
        missing = np.flatnonzero(~np.isin(trial_pairs, scored_pairs))
        example = f", e.g. '{_pair(trials, missing[0])}' is not scored" if missing.size else ""
        raise InputError(
            f"{path}: its {len(scored_pairs)} trials are not the {len(trial_pairs)} of {other}{example}; "
            "score the trials again"
        )
    scores = np.empty_like(scored.scores)
    scores[first] = scored.scores[second]
    return scores


def _pair(trials: Trials, i: int) -> str:
    return f"{trials.ids[trials.enroll[i]]} {trials.ids[trials.test[i]]}"
