"""Batches of an epoch, as lists of draws: a function of (data, seed, epoch) alone, so training resumes exactly."""

from abc import ABC, abstractmethod

import numpy as np

from toolkit.data.draw import Draw
from toolkit.io.errors import InputError
from toolkit.simulate.plan import generator


class Batches(ABC):
    """How an epoch is cut into batches; a class of your own plugs in by ``batches.class_path``."""

    @abstractmethod
    def epoch(
        self, labels: np.ndarray, seconds: np.ndarray, per_speaker: int, seed: int, epoch: int
    ) -> list[list[Draw]]:
        """The batches of an epoch.

        Args:
            labels: item -> class (N,).
            seconds: item -> length (N,).
            per_speaker: utterances of each speaker that stand side by side in a batch (the loss asks for it).
        """


def arrange(labels: np.ndarray, per_speaker: int, rng: np.random.Generator) -> np.ndarray:
    """Items in random order (M, per_speaker), each row of one speaker; rows' leftovers of a speaker are left out.

    Raises:
        InputError: no speaker has ``per_speaker`` utterances.
    """
    order = rng.permutation(len(labels))
    if per_speaker == 1:
        return order[:, None]
    by_speaker = order[np.argsort(labels[order], kind="stable")]
    groups = np.split(by_speaker, np.flatnonzero(np.diff(labels[by_speaker])) + 1)
    rows = [group[: len(group) // per_speaker * per_speaker].reshape(-1, per_speaker) for group in groups]
    rows = np.concatenate(rows)
    if len(rows) == 0:
        raise InputError(f"the loss needs {per_speaker} utterances of a speaker in a batch; no speaker has so many")
    return rng.permutation(rows)


def share(batch: list[Draw], rank: int, world: int, per_speaker: int) -> list[Draw]:
    """The part of a batch that process ``rank`` of ``world`` trains on.

    Parts are of one size and hold whole groups of a speaker's utterances; what does not divide evenly is left out of
    the epoch, and a batch too small for every process to get a group is empty for all.
    """
    size = len(batch) // (per_speaker * world) * per_speaker
    return batch[rank * size : (rank + 1) * size]


class CropBatches(Batches):
    """Batches of equal crops, without padding.

    Args:
        batch_size: utterances in a batch, over all processes.
        crop_seconds: the length is drawn for each batch between the two.
        repeats: how often an utterance stands in an epoch, each time with another crop.
    """

    def __init__(self, batch_size: int = 64, crop_seconds: tuple[float, float] = (2.0, 2.0), repeats: int = 1):
        self.batch_size, self.crop_seconds, self.repeats = batch_size, crop_seconds, repeats

    def epoch(self, labels, seconds, per_speaker, seed, epoch):
        """Shuffled; a speaker stands in a batch once (``per_speaker`` utterances) while speakers last."""
        rng = generator(seed, "crop batches", epoch)
        rows = np.concatenate([arrange(labels, per_speaker, rng) for _ in range(self.repeats)])
        if per_speaker > 1:
            rows = _spread_speakers(rows, labels, self.batch_size // per_speaker)
        items = rows.reshape(-1)
        size = min(self.batch_size // per_speaker * per_speaker, len(items))
        batches = []
        for start in range(0, len(items) - size + 1, size):
            crop = round(float(rng.uniform(*self.crop_seconds)), 2)
            part = enumerate(items[start : start + size])
            batches.append([Draw(int(i), epoch, start + k, crop, k % per_speaker) for k, i in part])
        return batches


def _spread_speakers(rows: np.ndarray, labels: np.ndarray, per_batch: int) -> np.ndarray:
    """Order rows such that a batch holds no two rows of a speaker while enough speakers are left."""
    speaker = labels[rows[:, 0]]
    # The k-th row of every speaker comes before the k+1-th of any: within a round no speaker repeats.
    order = np.argsort(speaker, kind="stable")
    starts = np.r_[0, np.flatnonzero(np.diff(speaker[order])) + 1]
    turn = np.empty(len(rows), np.int64)
    turn[order] = np.arange(len(rows)) - np.repeat(starts, np.diff(np.r_[starts, len(rows)]))
    ordered = rows[np.lexsort((np.arange(len(rows)), turn))]
    clash = labels[ordered[:, 0]]
    for start in range(per_batch, len(ordered), per_batch):
        _swap_clashes(ordered, clash, start, min(start + per_batch, len(ordered)))
    return ordered


def _swap_clashes(rows: np.ndarray, speaker: np.ndarray, start: int, end: int) -> None:
    """Exchange rows of a batch that repeat a speaker with later ones that do not."""
    for i in range(start, end):
        if speaker[i] in speaker[start:i]:
            later = np.flatnonzero(~np.isin(speaker[end:], speaker[start:end]))
            if len(later):
                j = end + later[0]
                rows[[i, j]], speaker[[i, j]] = rows[[j, i]], speaker[[j, i]]


class BucketBatches(Batches):
    """Whole utterances, padded; those of similar length share a batch.

    Args:
        batch_seconds: largest padded length of a batch in seconds of audio, summed over its utterances.
        max_size: most utterances in a batch.
    """

    def __init__(self, batch_seconds: float = 200.0, max_size: int = 256):
        self.batch_seconds, self.max_size = batch_seconds, max_size

    def epoch(self, labels, seconds, per_speaker, seed, epoch):
        """Rows are sorted by their longest utterance, cut into batches, and the batches shuffled."""
        rng = generator(seed, "bucket batches", epoch)
        rows = arrange(labels, per_speaker, rng)
        longest = seconds[rows].max(axis=1)
        batches, batch, slot = [], [], 0
        for row in np.argsort(longest, kind="stable"):
            size = len(batch) + per_speaker
            if batch and (size > self.max_size or size * longest[row] > self.batch_seconds):
                batches.append(batch)
                batch = []
            batch += [Draw(int(i), epoch, slot + k, member=k) for k, i in enumerate(rows[row])]
            slot += per_speaker
        batches.append(batch)
        return [batches[i] for i in rng.permutation(len(batches))]
