"""Items to padded batches, and the loader that makes them."""

import signal
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from toolkit.data.item import ItemSpec
from toolkit.io.errors import InputError

_OWN_LENGTHS = ("enroll", "text")  # beginnings of names of streams that are not as long as the first


def pad(arrays: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Arrays (T_i, ...) -> (B, max T, ...) zero-padded, and lengths (B,) or None when all are equal."""
    lengths = [len(array) for array in arrays]
    if min(lengths) == max(lengths):
        return torch.from_numpy(np.stack(arrays)), None
    out = np.zeros((len(arrays), max(lengths), *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(out), torch.tensor(lengths)


def _pad_items(values: list) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Of each item an array (T_i, ...) -> as :func:`pad`; of each K arrays -> (B, K, max T, ...), (B, K)|None."""
    if isinstance(values[0], np.ndarray):
        return pad(values)
    padded, lengths = pad([array for arrays in values for array in arrays])
    shape = len(values), len(values[0])
    return padded.unflatten(0, shape), None if lengths is None else lengths.view(shape)


def collate(items: list) -> "dict | InputError":
    """Items of TrainingDataset -> ``{ids, facts, labels (B,), lengths (B,)|None, feats (B, T, F) | wav (B, N)}``.

    Further streams of a mixture (``spk1``, ``noise1``) are (B, N) as ``wav`` is; enrolments (``enroll_spk1``, (B, M))
    and ``text`` (B, L) have separate ``<name>_lengths``, (B,)|None. A stream that is a list of K arrays (M_k,) in each
    item becomes (B, K, M) with lengths (B, K)|None. ``facts`` is a list of mappings.
    """
    for item in items:
        if isinstance(item, InputError):
            return item
    streams = [name for name, value in items[0].items() if isinstance(value, np.ndarray | list)]
    padded = {name: _pad_items([item[name] for item in items]) for name in streams}
    lengths = padded[streams[0]][1]
    rest: dict[str, Any] = {"ids": [item["id"] for item in items], "facts": [item["facts"] for item in items]}
    if "label" in items[0]:
        rest["labels"] = torch.tensor([int(item["label"]) for item in items])
    rest |= {f"{name}_lengths": own for name, (_, own) in padded.items() if name.startswith(_OWN_LENGTHS)}
    return {**rest, "lengths": lengths, **{name: tensor for name, (tensor, _) in padded.items()}}


def _outlive_first_sigterm(worker: int) -> None:
    """Let a worker live as long as the training process wants it, which stops between two steps by itself.

    A signal to the whole process group would kill it first, and the training process with another error.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: signal.signal(signal.SIGTERM, signal.SIG_DFL))


def load_batches(dataset, batches: list[list[ItemSpec]], workers: int, pin_memory: bool = False):
    """The batches, made ahead by ``workers`` processes; an InputError met in a worker is raised here."""
    loader = DataLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=pin_memory,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_outlive_first_sigterm,
        # A separate generator: otherwise every epoch would use numbers of the one for dropout.
        generator=torch.Generator().manual_seed(0),
    )
    for batch in loader:
        if isinstance(batch, InputError):
            raise batch
        yield batch
