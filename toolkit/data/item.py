"""What a sampler asks of a dataset: a value that decides a training item completely; and what encodes its targets."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class ItemSpec:
    """One item of one batch.

    Attributes:
        index: which item of the dataset.
        epoch, slot: when in training and where in the epoch; random choices depend on seed, epoch, slot and the id.
        seconds: crop to this length (a shorter utterance is repeated); None takes the whole utterance.
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
