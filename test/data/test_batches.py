"""Batches of an epoch: everything once, speakers side by side, lengths alike, a function of seed and epoch."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.data.batches import BucketBatches, CropBatches, arrange
from toolkit.data.item import ItemSpec
from toolkit.data.lazy_batches import fill, share, shares, smallest
from toolkit.io.errors import InputError
from toolkit.simulate.plan import generator

LABELS = np.repeat(np.arange(6), [7, 5, 9, 4, 8, 7])
SECONDS = np.linspace(1.0, 6.0, len(LABELS))


def items(batches):
    return [draw.index for batch in batches for draw in batch]


@pytest.mark.parametrize(("size", "sizes"), [(8, {8}), (7, {6, 7}), (39, {20}), (100, {40})])
def test_an_epoch_holds_every_item_once_in_batches_of_one_size(size, sizes):
    batches = CropBatches(batch_size=size).epoch(LABELS, SECONDS, 1, 0, 1)
    assert {len(b) for b in batches} == sizes
    assert sorted(items(batches)) == list(range(len(LABELS)))


@pytest.mark.parametrize("kind", [CropBatches(batch_size=8), BucketBatches(batch_seconds=20)])
def test_a_function_of_seed_and_epoch(kind):
    one = kind.epoch(LABELS, SECONDS, 1, 3, 2)
    assert [*one] == [*kind.epoch(LABELS, SECONDS, 1, 3, 2)]
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


COUNTS = np.random.default_rng(0).lognormal(3, 0.8, 300).clip(2, 150).astype(int)  # utterances of 300 speakers


def test_batches_of_pairs_look_alike_throughout_an_epoch_where_counts_are_unequal():
    labels = np.repeat(np.arange(len(COUNTS)), COUNTS)
    batches = CropBatches(batch_size=80).epoch(labels, np.ones(len(labels)), 2, 0, 1)
    speakers = [labels[[draw.index for draw in batch][::2]] for batch in batches]
    assert np.mean([len(set(one)) < len(one) for one in speakers]) < 0.02  # repeats a speaker
    sizes = [COUNTS[one].mean() for one in speakers]  # frequent speakers come as often early as late
    early, late = np.array_split(sizes, 2)
    assert abs(early.mean() - late.mean()) < 4 * np.std(sizes) / len(sizes) ** 0.5


def test_pairs_leave_out_an_odd_utterance_and_another_in_each_epoch():
    seen = [set(items(CropBatches(batch_size=8).epoch(LABELS, SECONDS, 2, 0, epoch))) for epoch in range(20)]
    assert {len(one) for one in seen} == {sum(count // 2 * 2 for count in np.bincount(LABELS))}
    assert set.union(*seen) == set(range(len(LABELS)))


def test_a_speaker_of_half_the_pairs_has_its_even_share_of_every_batch():
    labels = np.r_[np.zeros(160, int), np.repeat(np.arange(1, 41), 4)]
    batches = CropBatches(batch_size=32).epoch(labels, np.ones(320), 2, 0, 1)
    assert [(labels[[draw.index for draw in batch]] == 0).sum() for batch in batches] == pytest.approx([16] * 10, abs=4)


@pytest.mark.parametrize(("items_", "size", "count"), [(40, 128, 10), (4000, 128, 32), (400, 128, 10), (40, 8, 10)])
def test_a_small_corpus_gets_more_and_smaller_batches(items_, size, count):
    labels, kind = np.arange(items_) % 10, CropBatches(batch_size=size, min_batches=10)
    batches = kind.epoch(labels, np.ones(items_), 1, 0, 1)
    drawn = np.bincount(items(batches))
    assert (len(batches), len({draw.slot for batch in batches for draw in batch})) == (count, drawn.sum())
    assert min(map(len, batches)) >= min(15, size - 1)
    assert len(set(drawn)) == 1


@pytest.mark.parametrize(
    "args",
    [{"batch_size": 0}, {"repeats": 0}, {"min_batches": -1}, {"crop_seconds": (3.0, 2.0)}, {"crop_seconds": (0, 1)}],
)
def test_arguments_out_of_range(args):
    with pytest.raises(InputError, match=next(iter(args))):
        CropBatches(**args)


def drawn(*batches, seconds=None):
    return [[ItemSpec(i, 1, i, seconds) for i in batch] for batch in batches]


def test_a_batch_of_one_takes_the_item_of_another_that_is_nearest_in_length():
    lengths = np.array([1.0, 1.1, 2.0, 2.1, 2.2, 9.0])
    assert fill(drawn([2, 3, 4], [5], [0, 1]), 2, 1, lengths) == drawn([2, 3], [5, 4], [0, 1])
    assert fill(drawn([0, 1], [5], [2, 3]), 2, 1, lengths) == drawn([0, 1], [5, 2, 3])


@pytest.mark.parametrize(("least", "per_speaker"), [(2, 1), (3, 1), (4, 2)])
def test_filled_batches_hold_everything_in_whole_rows(least, per_speaker):
    batches = [*BucketBatches(batch_seconds=24.0).epoch(LABELS, SECONDS, per_speaker, 0, 1)]
    batches.insert(3, batches[0][-per_speaker:])
    del batches[0][-per_speaker:]
    filled = fill(batches, least, per_speaker, SECONDS)
    assert sorted(items(filled)) == sorted(items(batches))
    assert min(map(len, filled)) >= least
    rows = [LABELS[items([batch])].reshape(-1, per_speaker) for batch in filled]
    assert all((row == row[:, :1]).all() for row in rows)


def test_items_that_join_a_batch_are_cropped_as_it_is():
    filled = fill([*drawn([0, 1, 2], seconds=3.0), *drawn([3], seconds=2.0)], 2, 1, SECONDS)
    assert [draw.seconds for draw in filled[1]] == [2.0, 2.0]


@pytest.mark.parametrize("batches", [drawn([0], [1], [2, 3]), drawn([0])])
def test_batches_too_small_for_the_processes_are_refused_with_a_remedy(batches):
    with pytest.raises(InputError, match="batch_size"):
        fill(batches, 2, 1, SECONDS)


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
    batch = [ItemSpec(i, 1, i) for i in range(size)]
    parts = [share(batch, rank, world, per_speaker) for rank in range(world)]
    assert len({len(part) for part in parts}) == 1
    together = [draw for part in parts for draw in part]
    assert together == batch[: size // (world * per_speaker) * world * per_speaker]
    assert all(part[0].index % per_speaker == 0 and len(part) % per_speaker == 0 for part in parts if part)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(0, 6), min_size=4, max_size=80),
    st.integers(0, 99),
    st.sampled_from([2, 3]),
    st.floats(20, 200),
)
def test_no_bucket_of_groups_holds_one_speaker(labels, seed, per_speaker, most):
    labels, seconds = np.array(labels), np.random.default_rng(seed).uniform(0.5, 9.0, len(labels))
    try:
        batches = BucketBatches(batch_seconds=most).epoch(labels, seconds, per_speaker, seed, 1)
    except InputError:
        assert (np.bincount(labels) >= per_speaker).sum() < 2 or most < 2 * per_speaker * seconds.max()
        return
    drawn_ = items(batches)
    assert len(set(drawn_)) == len(drawn_)
    for batch in batches:
        index = [draw.index for draw in batch]
        rows = labels[index].reshape(-1, per_speaker)
        assert (rows == rows[:, :1]).all()
        assert len(set(rows[:, 0])) > 1
        assert len(index) * seconds[index].max() <= most


def test_groups_that_find_no_other_speaker_are_counted(caplog):
    labels, seconds = np.repeat([0, 1, 2], [4, 2, 2]), np.r_[np.full(4, 9.0), np.ones(4)]
    batches = BucketBatches(batch_seconds=18.0).epoch(labels, seconds, 2, 0, 1)
    assert sorted(items(batches)) == [4, 5, 6, 7]
    assert "2 of 4" in caplog.text


@pytest.mark.parametrize("kind", [CropBatches(batch_size=8, crop_seconds=(1.0, 2.0)), BucketBatches(batch_seconds=20)])
@pytest.mark.parametrize("per_speaker", [1, 2])
def test_batches_that_are_made_late_are_a_list_of_batches(kind, per_speaker):
    batches = kind.epoch(LABELS, SECONDS, per_speaker, 0, 1)
    expected = [*batches]
    assert [len(batch) for batch in expected] == batches.sizes.tolist()
    assert smallest(batches) == smallest(expected) == min(map(len, expected))
    for part in (slice(2, None), slice(None, -1), slice(1, 3), slice(99, None), slice(None)):
        assert [*batches[part]] == expected[part]
        assert len(batches[part]) == len(expected[part])
    assert batches[-1] == expected[-1]
    assert [*shares(batches, 1, 2, per_speaker)] == [share(batch, 1, 2, per_speaker) for batch in expected]
    with pytest.raises(IndexError):
        batches[len(batches)]


@pytest.mark.parametrize("kind", [CropBatches(batch_size=50), BucketBatches(batch_seconds=100.0)])
def test_an_epoch_takes_no_object_for_each_item(kind):
    count = 50_000
    labels, seconds = np.zeros(count, int), np.full(count, 2.0)
    tracemalloc.start()
    try:
        batches = shares(kind.epoch(labels, seconds, 1, 0, 1), 0, 2, 1)
        assert sum(len(batch) for batch in batches) == count // 2  # of two processes
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 60 * count  # some arrays of 8 bytes; an ItemSpec has more than 100
