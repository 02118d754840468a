"""The request of a sampler to a dataset, which determines a training item; and the encoder of its targets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class ItemSpec:
    """One item of one batch.

    Attributes:
        index: index of the item in the dataset.
        epoch, slot: epoch, and position in it. Random choices depend on seed, epoch, slot and id.
        seconds: length of the crop (a shorter utterance is repeated); None: the whole utterance.
        member: number of the item among its speaker's adjacent utterances in the batch, from 0.
    """

    index: int
    epoch: int
    slot: int
    seconds: float | None = None
    member: int = 0


class TargetEncoder(Protocol):
    """Encodes a table of a data dir, such as transcripts, as a stream of training items.

    Attributes:
        table: its name.
    """

    table: str

    def targets(self, path, keys: Iterable[str]) -> dict[str, np.ndarray]:
        """Utterance id -> int64 array.

        Args:
            path: the data dir.
            keys: ids of its recordings.

        Raises:
            InputError: the table is missing or malformed, or it is of other utterances.
        """
