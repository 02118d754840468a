"""Batches of an epoch: everything once, speakers side by side, lengths alike, a function of seed and epoch."""

import numpy as np
import pytest

from toolkit.data.batches import BucketBatches, CropBatches, arrange, share
from toolkit.data.draw import Draw
from toolkit.io.errors import InputError
from toolkit.simulate.plan import generator

LABELS = np.repeat(np.arange(6), [7, 5, 9, 4, 8, 7])
SECONDS = np.linspace(1.0, 6.0, len(LABELS))


def items(batches):
    return [draw.index for batch in batches for draw in batch]


def test_an_epoch_holds_every_item_once_but_for_the_last_part_batch():
    batches = CropBatches(batch_size=8).epoch(LABELS, SECONDS, 1, 0, 1)
    assert {len(b) for b in batches} == {8}
    assert len(set(items(batches))) == len(LABELS) // 8 * 8


@pytest.mark.parametrize("kind", [CropBatches(batch_size=8), BucketBatches(batch_seconds=20)])
def test_a_function_of_seed_and_epoch(kind):
    one = kind.epoch(LABELS, SECONDS, 1, 3, 2)
    assert one == kind.epoch(LABELS, SECONDS, 1, 3, 2)
    assert items(one) != items(kind.epoch(LABELS, SECONDS, 1, 3, 1))
    assert items(one) != items(kind.epoch(LABELS, SECONDS, 1, 4, 2))


def test_slots_are_unique_so_repeats_draw_other_crops():
    batches = CropBatches(batch_size=4, repeats=3).epoch(LABELS, SECONDS, 1, 0, 1)
    slots = [draw.slot for batch in batches for draw in batch]
    assert len(set(slots)) == len(slots) == 3 * len(LABELS)


def test_crop_lengths_are_one_a_batch_and_within_bounds():
    batches = CropBatches(batch_size=4, crop_seconds=(1.0, 3.0)).epoch(LABELS, SECONDS, 1, 0, 1)
    crops = [{draw.seconds for draw in batch} for batch in batches]
    assert all(len(c) == 1 and 1.0 <= min(c) <= 3.0 for c in crops)
    assert len(set.union(*crops)) > 1


@pytest.mark.parametrize("kind", [CropBatches(batch_size=8), BucketBatches(batch_seconds=30)])
def test_utterances_of_a_speaker_stand_side_by_side(kind):
    for batch in kind.epoch(LABELS, SECONDS, 2, 0, 1):
        labels = LABELS[[draw.index for draw in batch]]
        assert (labels[::2] == labels[1::2]).all()
        assert len({draw.index for draw in batch}) == len(batch)


def test_no_speaker_twice_in_a_batch_while_others_are_left():
    labels = np.repeat(np.arange(10), 8)
    for epoch in range(5):
        batches = CropBatches(batch_size=10).epoch(labels, np.ones(80), 2, 0, epoch)
        for batch in batches:
            pairs = labels[[draw.index for draw in batch]][::2]
            assert len(set(pairs)) == 5


def test_a_loss_that_needs_more_utterances_than_any_speaker_has():
    with pytest.raises(InputError, match="needs 3 utterances"):
        arrange(np.array([0, 0, 1, 1]), 3, generator(0))


def test_buckets_bound_the_padded_length_and_hold_everything():
    batches = BucketBatches(batch_seconds=20.0).epoch(LABELS, SECONDS, 1, 0, 1)
    assert sorted(items(batches)) == list(range(len(LABELS)))
    for batch in batches:
        lengths = SECONDS[[draw.index for draw in batch]]
        assert len(batch) * lengths.max() <= 20.0
        assert lengths.max() - lengths.min() < 2.6  # a random batch of such a size would span nearly all 5 s


@pytest.mark.parametrize(("size", "world", "per_speaker"), [(8, 2, 1), (10, 2, 2), (9, 4, 1), (12, 3, 2), (3, 2, 2)])
def test_processes_share_a_batch_evenly_and_in_whole_groups(size, world, per_speaker):
    batch = [Draw(i, 1, i) for i in range(size)]
    parts = [share(batch, rank, world, per_speaker) for rank in range(world)]
    assert len({len(part) for part in parts}) == 1
    together = [draw for part in parts for draw in part]
    assert together == batch[: size // (world * per_speaker) * world * per_speaker]
    assert all(part[0].index % per_speaker == 0 and len(part) % per_speaker == 0 for part in parts if part)
