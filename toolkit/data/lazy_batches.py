"""The batches of an epoch, made when they are used, and the parts of them that processes train on."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from toolkit.data.item import ItemSpec
from toolkit.io.errors import InputError


class LazyBatches(Sequence[list[ItemSpec]]):
    """Batches that are made when they are used: those of an epoch of ten million items would take gigabytes.

    Args:
        sizes: (N,) number of items of each batch.
        make: number of a batch -> the batch.
    """

    def __init__(self, sizes: np.ndarray, make: Callable[[int], list[ItemSpec]]):
        self.sizes, self._make = sizes, make

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, number):
        if not isinstance(number, slice):
            return self._make(range(len(self))[number])
        first = number.indices(len(self))[0]
        if number != slice(first, None):
            return [self._make(n) for n in range(len(self))[number]]
        return LazyBatches(self.sizes[number], lambda n: self._make(first + n))


def smallest(batches: Sequence[list[ItemSpec]]) -> int:
    """Number of items of the smallest batch."""
    return int(batches.sizes.min()) if isinstance(batches, LazyBatches) else min(map(len, batches))


def shares(batches: Sequence[list[ItemSpec]], rank: int, world: int, per_speaker: int) -> Sequence[list[ItemSpec]]:
    """:func:`share` of each batch."""
    step = per_speaker * world
    sizes = batches.sizes if isinstance(batches, LazyBatches) else np.array(list(map(len, batches)))
    return LazyBatches(sizes // step * per_speaker, lambda n: share(batches[n], rank, world, per_speaker))


def share(batch: list[ItemSpec], rank: int, world: int, per_speaker: int) -> list[ItemSpec]:
    """The part of a batch for process ``rank`` of ``world``.

    All parts have the same size and hold whole groups of a speaker's utterances. The remainder is left out of the
    epoch. A batch with fewer groups than processes is empty for all.
    """
    size = len(batch) // (per_speaker * world) * per_speaker
    return batch[rank * size : (rank + 1) * size]


def fill(batches: Sequence[list[ItemSpec]], least: int, per_speaker: int, seconds: np.ndarray) -> list[list[ItemSpec]]:
    """Batches of at least ``least`` items: a smaller batch takes rows from the batch of the most similar length.

    Args:
        batches: batches of an epoch; large enough ones keep their places.
        least: smallest number of items.
        per_speaker: number of items that stay together.
        seconds: item -> length in seconds (N,), for items that are not cropped.

    Raises:
        InputError: most batches are smaller, or all items together are fewer.
    """
    sizes = [len(batch) for batch in batches]
    if sum(sizes) < least or np.median(sizes) < least:
        raise InputError(
            f"batches have {int(np.median(sizes))} items, but training needs {least} or more (two per process, if the "
            "network has batch normalisation); raise batches.init_args.batch_size or batch_seconds, or use fewer "
            "processes"
        )
    batches = [list(batch) for batch in batches]
    length = [max(spec.seconds or seconds[spec.index] for spec in batch) for batch in batches]
    for i in sorted(range(len(batches)), key=length.__getitem__):
        while 0 < len(batches[i]) < least:
            others = [j for j in range(len(batches)) if j != i and batches[j]]
            donor = min(others, key=lambda j: (len(batches[j]) < least + per_speaker, abs(length[j] - length[i])))
            taken = per_speaker if len(batches[donor]) >= least + per_speaker else len(batches[donor])
            batches[i] += [replace(spec, seconds=batches[i][0].seconds) for spec in batches[donor][-taken:]]
            del batches[donor][-taken:]
    return [batch for batch in batches if batch]
