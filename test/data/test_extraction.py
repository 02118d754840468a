"""Training items of extraction: the mixture is the sum of its parts, the enrolment another utterance of the target."""

import logging

import numpy as np
import pytest
from helpers.planned_mixtures import STREAMS, planned, planner, source_of

from test.conftest import format_sets, write_speech
from toolkit.data.batches import CropBatches
from toolkit.data.collate import load_batches
from toolkit.data.extraction import ExtractionDataset, first_seconds, fixed_enrolments
from toolkit.data.item import ItemSpec
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import read_table
from toolkit.io.errors import InputError
from toolkit.simulate.plan import read_plan
from toolkit.simulate.planner import Interferer, MixturePlanner


@pytest.fixture
def mixed(corpus):
    return ExtractionDataset(planner(corpus)).open(str(corpus / "raw/train"), 16000, STREAMS, 3)


def test_the_mixture_is_the_sum_of_its_talkers(mixed):
    for index in range(len(mixed)):
        item = mixed[ItemSpec(index, 1, index, 0.5)]
        # All three are rounded to 16 bits.
        assert np.abs(item["wav"] - item["spk1"] - item["spk2"]).max() <= 1.5 / 32768
        assert mixed.speakers[item["label"]] != item["facts"]["interferer"]


def test_every_other_utterance_of_the_target_enrols_and_no_other(mixed, corpus):
    audio, utt2spk = AudioTable(corpus / "raw/train"), read_table(corpus / "raw/train/utt2spk")
    for index in (0, 5):
        own = mixed.ids[index]
        drawn = {source_of(mixed[ItemSpec(index, epoch, 0)]["enroll_spk1"], audio) for epoch in range(40)}
        assert drawn == {utt for utt, spk in utt2spk.items() if spk == utt2spk[own]} - {own}


def test_a_draw_decides_its_enrolment(mixed):
    one, again, other = (mixed[ItemSpec(3, *when, 0.5)]["enroll_spk1"] for when in ((1, 0), (1, 0), (1, 1)))
    assert np.array_equal(one, again)
    assert len(one) != len(other) or not np.array_equal(one, other)


def test_the_target_itself_enrols_ever_fewer_mixtures(corpus):
    data = ExtractionDataset(planner(corpus), self_epochs=4).open(corpus / "raw/train", 16000, STREAMS, 3)
    share = {}
    for epoch in range(1, 7):
        items = [data[ItemSpec(slot % len(data), epoch, slot, 0.5)] for slot in range(120)]
        share[epoch] = np.mean([np.array_equal(item["enroll_spk1"], item["spk1"]) for item in items])
    assert share[1] == 1
    assert share[5] == share[6] == 0
    for epoch, expected in ((2, 0.75), (3, 0.5), (4, 0.25)):
        assert abs(share[epoch] - expected) < 4 * (expected * (1 - expected) / 120) ** 0.5
    with pytest.raises(InputError, match="self_epochs is -1; must be 0 or more"):
        ExtractionDataset(self_epochs=-1)


def test_enrolments_are_cut_and_batched_with_their_lengths(corpus):
    data = ExtractionDataset(planner(corpus), enroll_seconds=(0.3, 0.8)).open(corpus / "raw/train", 16000, STREAMS, 3)
    batches = CropBatches(8, (5.0, 5.0)).epoch(data.labels, data.seconds, 1, 0, 1)
    for batch in load_batches(data, batches, 0):
        lengths, enrolled = batch["lengths"], batch["enroll_spk1_lengths"]
        assert batch["wav"].shape[1] == lengths.max() < 5 * 16000  # whole utterances: none is repeated to 5 s
        assert 0.3 * 16000 <= enrolled.min() < enrolled.max() == batch["enroll_spk1"].shape[1] <= 0.8 * 16000
        for row, length in zip(batch["enroll_spk1"], enrolled, strict=True):
            assert row[:length].any()
            assert not row[length:].any()


@pytest.mark.parametrize("short", [True, False])
def test_mixtures_shorter_than_the_crop_fill_it_or_are_padded(corpus, short):
    data = ExtractionDataset(planner(corpus), repeat_short=short).open(corpus / "raw/train", 16000, STREAMS, 3)
    lengths = {len(data[ItemSpec(index, 1, index, 5.0)]["wav"]) for index in range(8)}
    assert lengths == {80000} if short else max(lengths) < 80000


def test_an_item_drawn_again_in_an_epoch_has_another_crop_and_another_enrolment(mixed):
    batches = CropBatches(8, (0.5, 0.5), repeats=5).epoch(mixed.labels, mixed.seconds, 1, 0, 1)
    drawn = [draw for batch in batches for draw in batch if draw.index == 3]
    items = [mixed[draw] for draw in drawn]
    assert len({item["wav"].tobytes() for item in items}) == len(items) == 5
    assert len({item["enroll_spk1"].tobytes() for item in items}) > 1
    assert np.array_equal(mixed[drawn[4]]["wav"], items[4]["wav"])


def test_rendered_mixtures_draw_their_enrolments_anew(corpus, tmp_path):
    path = planned(corpus, tmp_path, "sim", "--enroll", "draw")
    data = ExtractionDataset().open(str(path), 16000, ("wav", "spk1", "enroll_spk1"), 3)
    audio, utt2spk = AudioTable(corpus / "raw/train"), read_table(corpus / "raw/train/utt2spk")
    key = data.ids[2]
    drawn = {source_of(data[ItemSpec(2, epoch, 0)]["enroll_spk1"], audio) for epoch in range(40)}
    assert drawn == {utt for utt, spk in utt2spk.items() if spk == utt2spk[key]} - {key}
    whole = data[ItemSpec(2, 1, 0)]
    assert np.array_equal(whole["wav"], AudioTable(path).read(key))
    assert np.array_equal(whole["spk1"], AudioTable(path, stream="spk1").read(key))
    with pytest.raises(InputError, match=r"a test needs a fixed enrolment \(--enroll fixed\)"):
        fixed_enrolments(path, 16000)


def test_fixed_enrolments_stay(corpus, tmp_path):
    path = planned(corpus, tmp_path, "sim", "--enroll", "fixed")
    data = ExtractionDataset().open(str(path), 16000, STREAMS, 3)
    chosen, original = read_table(path / "utt2enroll"), AudioTable(corpus / "raw/train")
    utt2spk = read_table(corpus / "raw/train/utt2spk")
    voices = fixed_enrolments(path, 16000)
    for mixture in read_plan(path / "mix.jsonl"):
        utt = chosen[mixture.id]
        assert utt != mixture.sources[0].utt
        assert utt2spk[utt] == mixture.speaker
        assert np.array_equal(voices.read(mixture.id), original.read(utt))
    items = [data[ItemSpec(1, epoch, 0)]["enroll_spk1"] for epoch in (1, 2)]
    assert np.array_equal(*items)
    assert np.array_equal(items[0], voices.read(data.ids[1]))


def test_targets_without_another_utterance_are_left_out_and_counted(tmp_path, corpus, caplog):
    write_speech(tmp_path / "data/many", 3, 3, 0.6, first=10)
    write_speech(tmp_path / "data/lone", 1, 1, 0.6, first=18)
    for table in ("wav.scp", "utt2spk", "spk2utt"):
        with open(tmp_path / "data/many" / table, "a") as handle:
            handle.write((tmp_path / "data/lone" / table).read_text())
    format_sets(tmp_path, "many", "lone")
    with caplog.at_level(logging.WARNING):
        data = ExtractionDataset(planner(corpus)).open(str(tmp_path / "raw/many"), 16000, STREAMS, 0)
    assert len(data) == 9
    assert "1 of 10 targets have no other utterance to enrol their speaker and are left out: s18-u0" in caplog.text
    with pytest.raises(InputError, match=r"1 of 1 targets have no other utterance.*name a set that has"):
        ExtractionDataset(planner(corpus)).open(str(tmp_path / "raw/lone"), 16000, STREAMS, 0)


def test_enrolments_of_another_set(tmp_path):
    # A noisy copy of the training set has the same ids: an utterance does not enrol itself there either.
    write_speech(tmp_path / "data/train", 4, 4, 1.0)
    write_speech(tmp_path / "data/copy", 4, 4, 0.7)
    format_sets(tmp_path, "train", "copy")
    mixing = MixturePlanner(interferer=Interferer(["train"]))
    data = ExtractionDataset(mixing, enroll_from=["copy"]).open(str(tmp_path / "raw/train"), 16000, STREAMS, 0)
    audio = AudioTable(tmp_path / "raw/copy")
    drawn = {source_of(data[ItemSpec(0, epoch, 0)]["enroll_spk1"], audio) for epoch in range(30)}
    assert drawn == {"s00-u1", "s00-u2", "s00-u3"}


def test_lengths_of_enrolments_are_checked():
    with pytest.raises(InputError, match="the shorter first"):
        ExtractionDataset(enroll_seconds=(3, 2))
    assert len(first_seconds(np.ones(100), 0.5, 100)) == 50
    assert len(first_seconds(np.ones(100), 5, 100)) == 100
    assert len(first_seconds(np.ones(100), None, 100)) == 100
