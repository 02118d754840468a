"""Trial lists of speaker verification: pairs of utterances, labelled as one speaker (target) or two (nontarget).

The format is ``enroll test target|nontarget``; VoxCeleb's ``1 enroll test`` / ``0 enroll test`` is read too. In memory
a trial is two integer indices into one list of ids (9 bytes), so tens of millions fit.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np

from toolkit.io.atomic import replacing
from toolkit.io.datadir import c_sorted, invert
from toolkit.io.errors import InputError, some_of
from toolkit.io.text import blocks, columns_of, fields

_CHUNK_TRIALS = 1 << 16


@dataclass
class Trials:
    """N trials.

    Attributes:
        ids: the unique utterance ids.
        enroll: (N,) int32, index into ``ids``.
        test: (N,) int32, index into ``ids``.
        is_target: (N,) bool, True if both utterances are of one speaker.
    """

    ids: list[str]
    enroll: np.ndarray
    test: np.ndarray
    is_target: np.ndarray

    def __len__(self) -> int:
        return len(self.is_target)

    def is_used(self) -> np.ndarray:
        """Whether each of ``ids`` occurs in a trial (len(ids),)."""
        used = np.zeros(len(self.ids), dtype=bool)
        used[self.enroll] = True
        used[self.test] = True
        return used

    def used_ids(self) -> list[str]:
        """The ids that occur in a trial, in the order of ``ids``."""
        return [self.ids[i] for i in np.flatnonzero(self.is_used())]

    def pairs(self) -> Iterator[tuple[str, str]]:
        """``(enroll id, test id)`` of each trial."""
        name = self.ids.__getitem__
        for start in range(0, len(self), _CHUNK_TRIALS):
            part = slice(start, start + _CHUNK_TRIALS)
            yield from zip(map(name, self.enroll[part].tolist()), map(name, self.test[part].tolist()), strict=True)


@dataclass(frozen=True)
class _Format:
    """The column of each field in a line."""

    enroll: int
    test: int
    label: int
    labels: dict[str, bool]
    example: str

    def fits(self, line: str) -> bool:
        """Whether a line has this layout."""
        words = fields(line)
        return len(words) == 3 and words[self.label] in self.labels


_KALDI = _Format(0, 1, 2, {"target": True, "nontarget": False}, "enroll test target|nontarget")
_VOXCELEB = _Format(1, 2, 0, {"1": True, "0": False}, "1|0 enroll test")


def read_trials(path) -> Trials:
    """Read ``enroll test target|nontarget`` or ``1|0 enroll test`` lines; the first line decides which.

    Ids are kept as written (VoxCeleb's are paths, ``id10270/5r0dWxy17C8/00001.wav``).

    Raises:
        InputError: the file is missing, empty or not UTF-8, or a line is malformed (its number is named).
    """
    index: defaultdict[str, int] = defaultdict(count().__next__)
    parts: list[tuple[np.ndarray, ...]] = []
    layout = None
    for number, block in blocks(path, "no such trial list; run the stage that writes it"):
        layout = layout or layout_of(block.partition(b"\n")[0].decode(), path)
        columns = columns_of(block, 3)
        is_target = _booleans(columns[layout.label], layout) if columns else None
        if columns is None or is_target is None:
            raise _malformed(block, layout, path, number)
        ids = (np.fromiter(map(index.__getitem__, columns[i]), np.int32) for i in (layout.enroll, layout.test))
        parts.append((*ids, is_target))
    if not parts:
        raise InputError(f"{path}: is empty; expected lines '{_KALDI.example}'")
    return Trials(list(index), *(np.concatenate(column) for column in zip(*parts, strict=True)))


def layout_of(line: str, path) -> _Format:
    """The layout of a trial list, from its first line. Raises InputError if it is unknown."""
    for layout in (_KALDI, _VOXCELEB):
        if layout.fits(line):
            return layout
    raise InputError(f"{path}:1: expected '{_KALDI.example}' or '{_VOXCELEB.example}', got {line!r}")


def _booleans(labels: list[str], layout: _Format) -> np.ndarray | None:
    """(N,) is_target of the labels; None if a label is unknown."""
    try:
        return np.fromiter(map(layout.labels.__getitem__, labels), bool)
    except KeyError:
        return None


def _malformed(block: bytes, layout: _Format, path, number: int) -> InputError:
    """The error for the first malformed line."""
    lines = block.decode().split("\n")
    offset = next(i for i, line in enumerate(lines) if not layout.fits(line))
    return InputError(f"{path}:{number + offset}: expected '{layout.example}', got {lines[offset]!r}")


def write_trials(path, trials: Trials) -> None:
    """Write ``enroll test target|nontarget`` lines atomically."""
    labels = np.where(trials.is_target, "target", "nontarget").tolist()
    with replacing(path) as handle:
        handle.writelines(f"{a} {b} {label}\n" for (a, b), label in zip(trials.pairs(), labels, strict=True))


def check_ids(used: Trials | Iterable[str], known: Collection[str], source: str) -> None:
    """Raise InputError if ``known`` lacks an id that is needed; names the ids.

    Args:
        used: trials, or the ids that they need.
        known: the existing ids.
        source: their file, for the message, e.g. the scp of the embeddings.
    """
    missing = c_sorted(i for i in (used.used_ids() if isinstance(used, Trials) else used) if i not in known)
    if missing:
        raise InputError(
            f"{source}: lacks {len(missing)} of the trials' ids: {some_of(missing, known=known)}; "
            "make it from the data dir of the trials, or remove these trials"
        )


def check_kinds(trials: Trials, source) -> None:
    """Raise InputError, which names the list ``source``, if all trials are targets or all are nontargets."""
    missing = {"target": not trials.is_target.any(), "nontarget": trials.is_target.all()}
    for kind in (kind for kind, none in missing.items() if none):
        raise InputError(
            f"{source}: none of the {len(trials)} trials is a {kind}; error rates need targets and nontargets: "
            f"add {kind} trials"
        )


def make_trials(
    utt2spk: Mapping[str, str],
    num_nontargets: int,
    *,
    targets_per_speaker: int | None = None,
    num_targets: int | None = None,
    spk2gender: Mapping[str, str] | None = None,
    same_gender_share: float = 0.5,
    seed: int = 0,
) -> Trials:
    """Draw a random trial list: targets first, then nontargets; no pair twice, in either order.

    The same arguments give the same list, whatever the order of the mappings.

    Args:
        utt2spk: utterance -> speaker.
        num_nontargets: number of nontarget pairs, spread evenly over the speakers.
        targets_per_speaker: number of target pairs per speaker (all, if the speaker has fewer).
        num_targets: total number of target pairs, spread evenly; give this or ``targets_per_speaker``.
        spk2gender: speaker -> gender; None: genders are random.
        same_gender_share: share of nontarget pairs with one gender; the others have two.
        seed: seed of the random generator.

    Raises:
        InputError: there are too few pairs, or a speaker has no gender.
    """
    if (targets_per_speaker is None) == (num_targets is None):
        raise InputError("make_trials: give either targets_per_speaker or num_targets")
    rng = np.random.default_rng(seed)
    ids, sampler = c_sorted(utt2spk), _PairSampler(utt2spk, spk2gender, rng)
    targets = sampler.targets(targets_per_speaker, num_targets)
    if spk2gender is None:
        nontargets = sampler.nontargets(num_nontargets, None)
    else:
        num_same = round(num_nontargets * same_gender_share)
        same, cross = sampler.nontargets(num_same, True), sampler.nontargets(num_nontargets - num_same, False)
        nontargets = np.concatenate([same, cross])
    pairs = rng.permuted(np.concatenate([targets, nontargets]), axis=1).astype(np.int32)
    return Trials(ids, pairs[:, 0].copy(), pairs[:, 1].copy(), np.arange(len(pairs)) < len(targets))


class _PairSampler:
    """Draws pairs of utterances, as indices into the C-sorted utterances."""

    def __init__(self, utt2spk: Mapping[str, str], spk2gender: Mapping[str, str] | None, rng: np.random.Generator):
        spk2utt = invert(utt2spk)
        number = {utt: i for i, utt in enumerate(c_sorted(utt2spk))}
        self.rng = rng
        self.utts = [np.array([number[utt] for utt in utts]) for utts in spk2utt.values()]
        self.num_utts = np.array([len(utts) for utts in self.utts])
        self.speaker = np.repeat(np.arange(len(self.utts)), self.num_utts)[np.argsort(np.concatenate(self.utts))]
        self.gender = np.zeros(len(self.utts), dtype=int)
        if spk2gender is not None:
            unknown = [spk for spk in spk2utt if spk not in spk2gender]
            if unknown:
                raise InputError(f"spk2gender: lacks {some_of(unknown)}; add them, or make trials without spk2gender")
            self.gender = np.unique([spk2gender[spk] for spk in spk2utt], return_inverse=True)[1]

    def targets(self, per_speaker: int | None, total: int | None) -> np.ndarray:
        """(N, 2) pairs of different utterances of one speaker."""
        available = self.num_utts * (self.num_utts - 1) // 2
        if per_speaker is not None:
            quota = np.minimum(available, per_speaker)
        elif total is not None and total <= available.sum():
            quota = self._take_turns(available, total)
        else:
            raise InputError(f"make_trials: {total} target pairs requested, the utterances give {available.sum()}")
        pairs = [self._pairs_of(utts, n) for utts, n in zip(self.utts, quota, strict=True)]
        return np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=int)

    def _take_turns(self, available: np.ndarray, total: int) -> np.ndarray:
        """Shares of ``total`` per speaker, as even as ``available`` allows."""
        levels = range(available.max(initial=0) + 1)  # pairs per speaker, limited by those available
        level = bisect_right(levels, total, key=lambda level: np.minimum(available, level).sum()) - 1
        quota = np.minimum(available, level)
        one_more = self.rng.permutation(np.flatnonzero(available > level))[: total - quota.sum()]
        quota[one_more] += 1
        return quota

    def _pairs_of(self, utts: np.ndarray, n: int) -> np.ndarray:
        """(n, 2) pairs drawn from all pairs of ``utts``; pair (i, j), i < j, has the number j (j - 1) / 2 + i."""
        p = self.rng.choice(len(utts) * (len(utts) - 1) // 2, size=n, replace=False) if n else np.empty(0, dtype=int)
        j = ((1 + np.sqrt(1 + 8.0 * p)) / 2).astype(int)
        return utts[np.stack([p - j * (j - 1) // 2, j], axis=1)]

    def nontargets(self, n: int, same_gender: bool | None) -> np.ndarray:
        """(n, 2) pairs of utterances of two speakers: same gender (True), different (False) or any (None)."""
        size = len(self.speaker)
        taken = np.empty(0, dtype=int)  # code of a pair i < j: i * size + j
        while len(taken) < n:
            pairs = np.sort(self._propose(n - len(taken), same_gender), axis=1)
            codes = np.concatenate([taken, pairs[:, 0] * size + pairs[:, 1]])
            codes = codes[np.sort(np.unique(codes, return_index=True)[1])]
            if len(codes) - len(taken) <= 0.2 * len(pairs):  # random drawing finds few new ones: list the rest
                codes = np.concatenate([codes, self._rest(codes, n - len(codes), same_gender)])
            taken = codes
        return np.stack(np.divmod(taken, size), axis=1)

    def _propose(self, n: int, same_gender: bool | None) -> np.ndarray:
        """Up to n random pairs, spread evenly over the speakers; may repeat."""
        groups = [np.flatnonzero(self.gender == g) for g in np.unique(self.gender)]
        if same_gender is None:
            groups = [np.arange(len(self.gender))]
        turn = self._cross_turn if same_gender is False else self._same_turn
        turns, num = [np.empty((0, 2), dtype=int)], 0
        while num < n and (pairs := turn(groups)).size:
            turns.append(self.rng.permutation(pairs))
            num += len(pairs)
        speakers = np.concatenate(turns)[:n]
        first = np.cumsum(self.num_utts) - self.num_utts
        return np.concatenate(self.utts)[first[speakers] + self.rng.integers(self.num_utts[speakers])]

    def _same_turn(self, groups: list[np.ndarray]) -> np.ndarray:
        """Pairs of speakers within each group; every speaker is in two pairs."""
        orders = [self.rng.permutation(group) for group in groups if len(group) > 1]
        pairs = [np.stack([order, np.roll(order, self.rng.integers(1, len(order)))], axis=1) for order in orders]
        return np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=int)

    def _cross_turn(self, groups: list[np.ndarray]) -> np.ndarray:
        """Pairs of each speaker of the largest group with a speaker of another group, in turn."""
        *others, largest = sorted(groups, key=len)
        if not others:
            return np.empty((0, 2), dtype=int)
        partners = self.rng.permutation(np.concatenate(others))
        return np.stack([self.rng.permutation(largest), np.resize(partners, len(largest))], axis=1)

    def _rest(self, taken: np.ndarray, n: int, same_gender: bool | None) -> np.ndarray:
        """n of the remaining pairs, as codes."""
        i, j = np.triu_indices(len(self.speaker), 1)
        a, b = self.speaker[i], self.speaker[j]
        fits = (a != b) if same_gender is None else (a != b) & ((self.gender[a] == self.gender[b]) == same_gender)
        rest = np.setdiff1d(i[fits] * len(self.speaker) + j[fits], taken)
        if len(rest) < n:
            kind = {None: "", True: "same-gender ", False: "cross-gender "}[same_gender]
            num, most = len(taken) + n, len(taken) + len(rest)
            raise InputError(f"make_trials: {num} {kind}nontarget pairs requested, the utterances give {most}")
        return self.rng.choice(rest, size=max(n, 0), replace=False)
