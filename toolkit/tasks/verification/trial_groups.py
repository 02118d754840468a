"""Groups of trials by facts of their two sides: gender, duration, any table of the data dir."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from toolkit.io.datadir import DataDir, c_sorted
from toolkit.io.enrolment import Sides
from toolkit.io.errors import InputError, some_of
from toolkit.metrics.verification.vectors import sums_by_owner
from toolkit.tasks.verification.trial_scoring import TrialSet

MIXED = ""  # the value of a model whose utterances differ
_MANY = 6  # more different numbers than this are a measure, not names of groups


@dataclass(frozen=True)
class TrialGroups:
    """Groups of trials by one fact.

    Attributes:
        fact: the name of the grouping: ``gender``, ``duration``, ``spk2age``.
        groups: label -> (N,) bool.
        left_out: (N,) bool: trials whose sides differ in the fact.
    """

    fact: str
    groups: dict[str, np.ndarray]
    left_out: np.ndarray


def group_trials(fact: str, data: DataDir, trial_set: TrialSet, edges: Sequence[float] = (), fs: int | None = None):
    """Group trials.

    ``gender`` (spk2gender) and any table ``spk2<x>`` or ``utt2<x>`` group trials whose sides have the same value;
    numbers of more than six values are grouped by their terciles first. ``duration`` groups by the shorter side (an
    enrolment model lasts as long as its utterances together).

    Args:
        data: the tables.
        edges: of the durations, in seconds, rising; none: terciles of the trials.
        fs: rate in Hz of utt2num_samples, which is read where there is no utt2dur.

    Raises:
        InputError: the data dir lacks the table, the table lacks an id, or an edge or duration is not a number.
    """
    if fact == "duration":
        shorter = np.minimum(
            *(_seconds(data, trial_set.sides, fs)[side] for side in (trial_set.sides.enroll, trial_set.sides.test))
        )
        groups = _by_size(shorter, list(edges) or _terciles(shorter), " s")
        return TrialGroups(fact, groups, np.zeros(len(shorter), dtype=bool))
    table = "spk2gender" if fact == "gender" else fact
    values = values_of_sides(data, table, trial_set)
    numbers = _numbers(values)
    if numbers is None:
        labels = {value: values == value for value in c_sorted(set(values.tolist()) - {MIXED})}
    else:
        labels = _by_size(numbers, _terciles(numbers[~np.isnan(numbers)]), "")
    both = {label: has[trial_set.sides.enroll] & has[trial_set.sides.test] for label, has in labels.items()}
    return TrialGroups(fact, both, ~np.any(list(both.values()), axis=0))


def values_of_sides(data: DataDir, table: str, trial_set: TrialSet) -> np.ndarray:
    """The value (S,) of each side in a table ``spk2<fact>`` or ``utt2<fact>``; ``MIXED`` where it has several."""
    if not table.startswith(("spk2", "utt2")) or table in ("spk2utt", "utt2spk"):
        raise InputError(f"--breakdown {table}: must be gender, duration, or a table spk2<fact> or utt2<fact>")
    rows = _table(data, table)
    if table.startswith("spk2"):
        _need(trial_set.speakers, rows, data, table)
        return np.array([rows[spk] for spk in trial_set.speakers])[trial_set.side_speaker]
    sides = trial_set.sides
    _need(sides.utts, rows, data, table)
    of_members = [rows[sides.utts[i]] for i in sides.members.tolist()]
    starts = (np.cumsum(sides.counts) - sides.counts).tolist()
    parts = (of_members[a : a + n] for a, n in zip(starts, sides.counts.tolist(), strict=True))
    return np.array([part[0] if len(set(part)) == 1 else MIXED for part in parts])


def _table(data: DataDir, name: str) -> Mapping[str, str]:
    if name not in data:
        raise InputError(f"{data.path / name}: table not found; add it, or leave it out of --breakdown")
    return data.table(name)


def _need(keys: Sequence[str], rows: Mapping[str, str], data: DataDir, table: str) -> None:
    missing = [key for key in keys if key not in rows]
    if missing:
        raise InputError(f"{data.path / table}: lacks {some_of(c_sorted(missing))}; add them")


def _seconds(data: DataDir, sides: Sides, fs: int | None) -> np.ndarray:
    """(S,) duration of each side in seconds."""
    name, scale = "utt2dur", 1.0
    if "utt2dur" not in data and fs and "utt2num_samples" in data:
        name, scale = "utt2num_samples", 1.0 / fs
    rows = _table(data, name)
    _need(sides.utts, rows, data, name)
    try:
        seconds = scale * np.array([float(rows[utt]) for utt in sides.utts])
    except ValueError as error:
        raise InputError(f"{data.path / name}: a duration must be a number ({error})") from None
    return sums_by_owner(seconds[sides.members], sides.counts)


def _numbers(values: np.ndarray) -> np.ndarray | None:
    """The values as numbers, where all are and there are many; a mixed one is NaN."""
    if len(set(values.tolist())) <= _MANY:
        return None
    try:
        return np.where(values == MIXED, "nan", values).astype(float)
    except ValueError:
        return None


def _terciles(values: np.ndarray) -> list[float]:
    return np.unique(np.quantile(values, [1 / 3, 2 / 3]).round(2)).tolist()


def _by_size(values: np.ndarray, edges: Sequence[float], unit: str) -> dict[str, np.ndarray]:
    """``{"< 2 s": ..., "2 - 4 s": ..., ">= 4 s": ...}`` -> (N,) bool each."""
    labels = [f"< {edges[0]:g}{unit}", *(f"{a:g} - {b:g}{unit}" for a, b in pairwise(edges))]
    place = np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right"))
    return {label: place == i for i, label in enumerate([*labels, f">= {edges[-1]:g}{unit}"])}
