"""Padded batches from items, and the loader that makes them."""

import signal
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from toolkit.data.item import ItemSpec
from toolkit.io.errors import InputError

_OWN_LENGTHS = ("enroll", "text")  # prefixes of streams with other lengths than the first stream


def pad(arrays: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Arrays (T_i, ...) -> zero-padded (B, max T, ...), and lengths (B,) or None if all are equal."""
    lengths = [len(array) for array in arrays]
    if min(lengths) == max(lengths):
        return torch.from_numpy(np.stack(arrays)), None
    out = np.zeros((len(arrays), max(lengths), *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(out), torch.tensor(lengths)


def _pad_items(values: list) -> tuple[torch.Tensor, torch.Tensor | None]:
    """One array (T_i, ...) per item -> as :func:`pad`; K arrays per item -> (B, K, max T, ...), (B, K)|None."""
    if isinstance(values[0], np.ndarray):
        return pad(values)
    padded, lengths = pad([array for arrays in values for array in arrays])
    shape = len(values), len(values[0])
    return padded.unflatten(0, shape), None if lengths is None else lengths.view(shape)


def collate(items: list) -> "dict | InputError":
    """Items of TrainingDataset -> ``{ids, facts, labels (B,), lengths (B,)|None, feats (B, T, F) | wav (B, N)}``.

    Further streams of a mixture (``spk1``, ``noise1``) are (B, N), as ``wav``. Enrolments (``enroll_spk1``, (B, M)) and
    ``text`` (B, L) have their own ``<name>_lengths``, (B,)|None. A stream with K arrays (M_k,) per item becomes
    (B, K, M) with lengths (B, K)|None. ``facts`` is a list of mappings.
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
    """Make a worker ignore Ctrl-C, SIGUSR1 and the first SIGTERM; the training process stops between two steps.

    A signal to the process group would kill the worker first, and the training would end with another error.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: signal.signal(signal.SIGTERM, signal.SIG_DFL))


def load_batches(dataset, batches: Sequence[list[ItemSpec]], workers: int, pin_memory: bool = False):
    """The batches, prefetched by ``workers`` processes; raises InputErrors of the workers here."""
    loader = DataLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=pin_memory,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_outlive_first_sigterm,
        # A separate generator: otherwise the loader would draw from the generator of dropout.
        generator=torch.Generator().manual_seed(0),
    )
    for batch in loader:
        if isinstance(batch, InputError):
            raise batch
        yield batch
