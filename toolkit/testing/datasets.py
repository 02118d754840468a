"""Checks of opened datasets."""

import copy
from functools import partial

import numpy as np

from toolkit.data.collate import collate
from toolkit.data.datasets import TrainingDataset
from toolkit.data.item import ItemSpec
from toolkit.io.datadir import c_sorted
from toolkit.io.errors import InputError
from toolkit.testing import promises as p


def check_dataset(dataset: TrainingDataset, seconds: float = 0.5) -> None:
    """Check the promises of a TrainingDataset.

    Args:
        dataset: an opened dataset, see its ``open``.
        seconds: length of the crops in the check.

    Raises:
        AssertionError: names class and promise.

    Example::

        check_dataset(MixtureDataset().open("dump/raw/train", 16000))
    """
    promise, count = partial(p.promise, dataset), len(dataset)
    with promise("ids, labels and seconds are those of all items; speakers are in C order and all have an item"):
        assert count == len(dataset.ids) == len(dataset.labels) == len(dataset.seconds) > 0
        assert list(dataset.speakers) == c_sorted(dataset.speakers)
        assert set(dataset.labels.tolist()) == set(range(len(dataset.speakers) or count))
        assert (np.asarray(dataset.seconds) > 0).all()
    specs = [ItemSpec(i % count, epoch=1, slot=slot, seconds=seconds) for slot, i in enumerate((0, count - 1))]
    with promise("an item holds its id, its label, facts, and float32 arrays; the first is its input"):
        for spec in specs:
            item = _item(dataset, spec)
            assert item["id"] == dataset.ids[spec.index]
            assert item.get("label") == (dataset.labels[spec.index] if dataset.speakers else None)
            assert all(isinstance(text, str) for pair in item["facts"].items() for text in pair)
            arrays = _arrays(item)
            assert next(iter(arrays)) == dataset.stream, f"{next(iter(arrays))} comes before {dataset.stream}"
            assert all(x.dtype == np.float32 and len(x) and np.isfinite(x).all() for x in arrays.values())
    with promise("it can be copied"):
        copied = copy.deepcopy(dataset)
    with promise("a spec decides its item completely, in a copy too"):
        for other in (dataset, copied):
            for spec in specs:
                ours, theirs = _arrays(_item(dataset, spec)), _arrays(_item(other, spec))
                assert ours.keys() == theirs.keys()
                assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    with promise("items of one length make a batch"):
        batch = collate([_item(dataset, spec) for spec in specs])
        assert isinstance(batch, dict)
        assert len(batch[dataset.stream]) == 2


def _item(dataset: TrainingDataset, spec: ItemSpec) -> dict:
    item = dataset[spec]
    if isinstance(item, InputError):
        raise item
    return item


def _arrays(item: dict) -> dict[str, np.ndarray]:
    return {name: value for name, value in item.items() if isinstance(value, np.ndarray) and value.ndim}
