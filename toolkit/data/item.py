"""The request of a sampler to a dataset; it determines a training item completely."""

from dataclasses import dataclass


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
