"""What a sampler asks of a dataset: a value that decides a training item completely."""

from dataclasses import dataclass


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
