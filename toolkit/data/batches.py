"""Batches of an epoch, as lists of items. They depend only on (data, seed, epoch), so training resumes exactly."""

import logging
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from toolkit.data.item import ItemSpec
from toolkit.data.lazy_batches import LazyBatches
from toolkit.io.errors import InputError
from toolkit.simulate.plan import generator

_NEAR = 20  # neighbouring batches, on either side, that are searched for a row of another speaker
_SMALLEST = 16  # smallest batch that min_batches makes, in utterances


class Batches(ABC):
    """How an epoch is divided into batches. To use another class, set ``batches.class_path`` in the config."""

    @abstractmethod
    def epoch(
        self, labels: np.ndarray, seconds: np.ndarray, per_speaker: int, seed: int, epoch: int
    ) -> Sequence[list[ItemSpec]]:
        """The batches of an epoch.

        Args:
            labels: item -> class (N,).
            seconds: item -> length (N,).
            per_speaker: number of adjacent utterances of each speaker in a batch (required by the loss).
            seed: seed of the training.
            epoch: number of the epoch, from 1.
        """


def arrange(labels: np.ndarray, per_speaker: int, rng: np.random.Generator) -> np.ndarray:
    """Items in random order, (M, per_speaker); each row has one speaker. Items that fill no row are left out.

    The order is stratified: of a speaker with n rows, row k lies at random in the k-th of n equal sections. So every
    section holds the speakers in the same shares, however unequal their counts.

    Raises:
        InputError: no speaker has ``per_speaker`` utterances.
    """
    order = rng.permutation(len(labels))
    if per_speaker == 1:
        return order[:, None]
    by_speaker = order[np.argsort(labels[order], kind="stable")]
    groups = np.split(by_speaker, np.flatnonzero(np.diff(labels[by_speaker])) + 1)
    rows = [group[: len(group) // per_speaker * per_speaker].reshape(-1, per_speaker) for group in groups]
    places = np.concatenate([(np.arange(len(own)) + rng.random(len(own))) / max(1, len(own)) for own in rows])
    if len(places) == 0:
        raise InputError(
            f"the loss needs {per_speaker} utterances per speaker in a batch, but no speaker has {per_speaker}; use "
            "more data or another loss"
        )
    return np.concatenate(rows)[np.argsort(places)]


class CropBatches(Batches):
    """Batches of crops of equal length, without padding; batch sizes differ by at most one row.

    Args:
        batch_size: maximum number of utterances in a batch, over all processes.
        crop_seconds: minimum and maximum length; each batch draws a length between them.
        repeats: number of times that an epoch uses an utterance, each time with another crop.
        min_batches: minimum number of batches of an epoch. A corpus too small for it first gets smaller batches (16
            utterances or more), then more repeats.

    Raises:
        InputError: an argument is out of its range.
    """

    def __init__(
        self,
        batch_size: int = 64,
        crop_seconds: tuple[float, float] = (2.0, 2.0),
        repeats: int = 1,
        min_batches: int = 0,
    ):
        numbers = {"batch_size": (batch_size, 1), "repeats": (repeats, 1), "min_batches": (min_batches, 0)}
        for name, (value, lowest) in numbers.items():
            if not lowest <= value <= 10**6:
                raise InputError(f"batches.init_args.{name} is {value}; must be from {lowest} to 1000000")
        if not 0 < crop_seconds[0] <= crop_seconds[1] <= 1e5:
            raise InputError(
                f"batches.init_args.crop_seconds is {list(crop_seconds)}; must be two lengths above 0 and up to "
                "100000 s, the shorter first"
            )
        self.batch_size, self.crop_seconds = batch_size, crop_seconds
        self.repeats, self.min_batches = repeats, min_batches

    def epoch(self, labels, seconds, per_speaker, seed, epoch):
        """Shuffled batches. A speaker has one row in a batch, or as few as its number of rows allows."""
        rng = generator(seed, "crop batches", epoch)
        passes = [arrange(labels, per_speaker, rng) for _ in range(self.repeats)]
        per_batch = self.batch_size // per_speaker
        if per_batch < (1 if per_speaker == 1 else 2):
            raise InputError(
                f"batches.init_args.batch_size is {self.batch_size}; must be {2 * per_speaker} or more, because the "
                f"loss needs {per_speaker} utterances of each of two speakers in a batch"
            )
        if self.min_batches:
            smaller = max(_SMALLEST // per_speaker, self.repeats * len(passes[0]) // self.min_batches)
            per_batch = min(per_batch, smaller)
            while sum(map(len, passes)) <= per_batch * (self.min_batches - 1):
                passes.append(arrange(labels, per_speaker, rng))
        rows = np.concatenate(passes)
        ends = np.linspace(0, len(rows), -(-len(rows) // per_batch) + 1).round().astype(int)
        if per_speaker > 1:
            rows = rows[_apart(labels[rows[:, 0]], np.diff(ends))]
        items, ends, crops = rows.reshape(-1), per_speaker * ends, rng.uniform(*self.crop_seconds, len(ends) - 1)

        def batch(number: int) -> list[ItemSpec]:
            start, crop = int(ends[number]), round(float(crops[number]), 2)
            part = enumerate(items[start : ends[number + 1]].tolist())
            return [ItemSpec(i, epoch, start + k, crop, k % per_speaker) for k, i in part]

        return LazyBatches(np.diff(ends), batch)


def _apart(speakers: np.ndarray, sizes: np.ndarray) -> list[int]:
    """Reorder rows: a row whose speaker is already in the batch moves to the next batch.

    A speaker with more rows than batches is spread evenly over all batches.
    """
    most = (-(-np.bincount(speakers) // len(sizes))).tolist()
    order: list[int] = []
    waiting: deque[int] = deque()
    stream = deque(range(len(speakers)))
    for size in sizes:
        held: Counter[int] = Counter()
        kept, end = [], len(order) + size
        while len(order) < end and (waiting or stream):
            row = (waiting or stream).popleft()
            if held[speakers[row]] < most[speakers[row]]:
                held[speakers[row]] += 1
                order.append(row)
            else:
                kept.append(row)
        waiting.extendleft(reversed(kept))
    return [*order, *waiting]


class BucketBatches(Batches):
    """Batches of whole utterances of similar length, padded.

    Args:
        batch_seconds: maximum padded length of a batch, summed over its utterances, in seconds.
        max_size: maximum number of utterances in a batch.
    """

    def __init__(self, batch_seconds: float = 200.0, max_size: int = 256):
        if not (batch_seconds > 0 and max_size >= 1):
            raise ValueError(f"batch_seconds {batch_seconds} must be above 0, max_size {max_size} at least 1")
        self.batch_seconds, self.max_size = batch_seconds, max_size

    def epoch(self, labels, seconds, per_speaker, seed, epoch):
        """Sort rows by their longest utterance, cut them into batches, shuffle the batches."""
        rng = generator(seed, "bucket batches", epoch)
        rows = arrange(labels, per_speaker, rng)
        rows = rows[np.argsort(seconds[rows].max(axis=1), kind="stable")]
        longest = seconds[rows].max(axis=1)
        starts = [0]
        for row in range(1, len(rows)):
            if not self._holds(row + 1 - starts[-1], longest[row], per_speaker):
                starts.append(row)
        batches: Sequence[Sequence[int]] = [range(*ends) for ends in pairwise([*starts, len(rows)])]
        if per_speaker > 1:
            batches = self._of_several_speakers(batches, labels[rows[:, 0]], longest, per_speaker)
        order = rng.permutation(len(batches))

        def batch(number: int) -> list[ItemSpec]:
            members = [(row, k, int(i)) for row in batches[order[number]] for k, i in enumerate(rows[row])]
            return [ItemSpec(i, epoch, row * per_speaker + k, member=k) for row, k, i in members]

        return LazyBatches(per_speaker * np.array(list(map(len, batches)))[order], batch)

    def _holds(self, rows: int, longest: float, per_speaker: int) -> bool:
        """Whether this number of rows, the longest of which has ``longest`` seconds, fits into one batch."""
        size = rows * per_speaker
        return size <= self.max_size and size * longest <= self.batch_seconds

    def _of_several_speakers(
        self, several: Sequence[Sequence[int]], speaker: np.ndarray, longest: np.ndarray, per_speaker: int
    ) -> list[list[int]]:
        """Batches of at least two speakers, as losses that discriminate speakers need.

        A batch of one speaker takes or exchanges a row with a batch of similar length; otherwise it is left out.
        """
        batches = [list(batch) for batch in several]

        def is_mixed(batch: list[int]) -> bool:
            return len(set(speaker[batch])) > 1

        for at in range(len(batches)):
            batch = batches[at]
            if is_mixed(batch):
                continue
            near = sorted(range(max(0, at - _NEAR), min(len(batches), at + _NEAR + 1)), key=lambda n: abs(n - at))
            pairs = [(n, row) for n in near if batch for row in batches[n] if speaker[row] != speaker[batch[0]]]
            for j, row in pairs:
                rest = [other for other in batches[j] if other != row]
                fit = [
                    (more, less)
                    for more, less in (([*batch, row], rest), ([*batch[:-1], row], [*rest, batch[-1]]))
                    if is_mixed(more) and (is_mixed(less) or not is_mixed(batches[j]))
                    if all(not some or self._holds(len(some), longest[max(some)], per_speaker) for some in (more, less))
                ]
                if fit:
                    batches[at], batches[j] = map(sorted, fit[0])
                    break
        batches = [batch for batch in batches if is_mixed(batch)]
        dropped = len(speaker) - sum(map(len, batches))
        if dropped == len(speaker):
            raise InputError(
                "no batch has two speakers, but the loss needs two; raise batches.init_args.batch_seconds or "
                "max_size, or train on more speakers"
            )
        if dropped:
            logging.warning(
                "batches: left out %d of %d groups of a speaker's utterances, in batches of one speaker; raise "
                "batches.init_args.batch_seconds",
                *(dropped, len(speaker)),
            )
        return batches


def check_whole(batches: Batches, what: str) -> None:
    """Raise InputError where batches cut utterances; ``what`` is known of whole ones only, e.g. ``transcripts``."""
    if isinstance(batches, CropBatches):
        raise InputError(
            f"batches.class_path {type(batches).__name__}: cuts utterances, and {what} are of whole ones; use "
            "BucketBatches"
        )


def batches_by_length(lengths: dict[str, int], most: float) -> Iterator[list[str]]:
    """Ids grouped by similar length. The padded total of a group is at most ``most`` samples, unless it has one id."""
    batch: list[str] = []
    for key in sorted(lengths, key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[key] > most:
            yield batch
            batch = []
        batch.append(key)
    if batch:
        yield batch
