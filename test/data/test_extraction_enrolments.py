"""Several enrolments of a mixture, and enrolled speakers who are absent."""

import numpy as np
import pytest
import torch
from helpers.planned_mixtures import STREAMS, planned, planner, source_of

from test.conftest import format_sets, write_speech
from test.models.tse.extractors import Several, small
from toolkit.data.batches import CropBatches
from toolkit.data.collate import load_batches
from toolkit.data.extraction import ExtractionDataset
from toolkit.data.item import ItemSpec
from toolkit.io.ark import ArkWriter
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, read_table, write_table
from toolkit.io.errors import InputError
from toolkit.losses.enhancement.waveform import SISNR
from toolkit.simulate.planner import Interferer, MixturePlanner
from toolkit.tasks.enhancement.extraction_task import ExtractionTask
from toolkit.train.probe import probe


@pytest.fixture
def mixed(corpus):
    return ExtractionDataset(planner(corpus)).open(str(corpus / "raw/train"), 16000, STREAMS, 3)


@pytest.fixture(scope="module")
def several(corpus):
    return ExtractionDataset(planner(corpus), enrolments=3).open(str(corpus / "raw/train"), 16000, STREAMS, 3)


def test_several_enrolments_are_other_utterances_of_the_target_and_none_comes_twice(several, corpus):
    audio, utt2spk = AudioTable(corpus / "raw/train"), read_table(corpus / "raw/train/utt2spk")
    own, orders = several.ids[5], set()
    for epoch in range(20):
        utts = [source_of(part, audio) for part in several[ItemSpec(5, epoch, 0)]["enroll_spk1"]]
        assert len(set(utts)) == 3
        assert {utt2spk[utt] for utt in utts} == {utt2spk[own]}
        assert own not in utts
        orders.add(tuple(utts))
    assert len(orders) > 3


def test_a_speaker_with_fewer_utterances_gives_some_again(corpus):
    data = ExtractionDataset(planner(corpus), enrolments=9).open(str(corpus / "raw/train"), 16000, STREAMS, 3)
    audio, utt2spk = AudioTable(corpus / "raw/train"), read_table(corpus / "raw/train/utt2spk")
    others = {utt for utt, spk in utt2spk.items() if spk == utt2spk[data.ids[0]]} - {data.ids[0]}
    utts = [source_of(part, audio) for part in data[ItemSpec(0, 1, 0)]["enroll_spk1"]]
    assert set(utts[: len(others)]) == others
    assert len(utts) == 9


def test_one_enrolment_is_the_first_of_several_and_the_target_itself_comes_first(several, mixed, corpus):
    data = ExtractionDataset(planner(corpus), enrolments=2, self_epochs=4)
    item = data.open(str(corpus / "raw/train"), 16000, STREAMS, 3)[ItemSpec(3, 1, 0, 0.5)]
    one, three = (dataset[ItemSpec(3, 1, 0, 0.5)]["enroll_spk1"] for dataset in (mixed, several))
    assert np.array_equal(three[0], one)
    assert np.array_equal(item["enroll_spk1"][0], item["spk1"])
    assert len(item["enroll_spk1"]) == 2


@pytest.mark.parametrize("make", [Several, lambda: small("sefpnet", fs=16000)], ids=["several", "joined"])
def test_a_padded_batch_of_several_trains_and_gives_what_its_items_give(several, make):
    model = make()
    probe(ExtractionTask(model, SISNR(), CropBatches(4, (0.3, 0.3)), several, []), 0)
    batch = next(load_batches(several, [[ItemSpec(i, 1, i, 0.2) for i in range(3)]], 0))
    lengths = batch["enroll_spk1_lengths"]
    assert lengths.shape == batch["enroll_spk1"].shape[:2] == (3, 3)
    with torch.inference_mode():
        together = model.eval().training_outputs(batch)["speech"]
    for i, speech in enumerate(together):
        parts = [part[:n] for part, n in zip(batch["enroll_spk1"][i], lengths[i], strict=True)]
        joined = {"wav": batch["wav"][i, None], "enroll_spk1": torch.cat(parts)[None]}
        alone = joined | {"enroll_spk1": batch["enroll_spk1"][i, None], "enroll_spk1_lengths": lengths[i, None]}
        with torch.inference_mode():
            given = alone if model.several_enrolments else joined
            torch.testing.assert_close(model.training_outputs(given)["speech"][0], speech, rtol=1e-4, atol=1e-6)


def test_several_of_what_is_fixed_are_refused(corpus, tmp_path):
    path = planned(corpus, tmp_path, "sim", "--enroll", "fixed")
    with pytest.raises(InputError, match=r"enroll_spk1\.scp: .*enrolments is 2"):
        ExtractionDataset(enrolments=2).open(str(path), 16000, STREAMS, 3)
    with pytest.raises(InputError, match="enrolments is 0"):
        ExtractionDataset(enrolments=0)


def test_the_embedding_of_several_is_the_mean_of_theirs(corpus, tmp_path):
    vectors = {key: np.eye(30, dtype=np.float32)[i] for i, key in enumerate(DataDir(corpus / "raw/train").keys())}
    with ArkWriter(tmp_path / "e.ark") as ark:
        for key, vector in vectors.items():
            ark.write(key, vector)
    write_table(tmp_path / "embedding.scp", ark.scp)
    data = ExtractionDataset(planner(corpus), embeddings=str(tmp_path / "embedding.scp"), enrolments=2)
    item = data.open(str(corpus / "raw/train"), 16000, (*STREAMS, "embedding"), 3)[ItemSpec(0, 1, 0)]
    audio = AudioTable(corpus / "raw/train")
    expected = sum(vectors[source_of(part, audio)] for part in item["enroll_spk1"]) / 2
    assert np.array_equal(item["embedding"], expected)
    # Of a model that makes them itself, too, those that are there are read.
    given = ExtractionDataset(planner(corpus), embeddings=str(tmp_path / "embedding.scp"), enrolments=2)
    again = given.open(str(corpus / "raw/train"), 16000, STREAMS, 3)[ItemSpec(0, 1, 0)]
    assert np.array_equal(again["embedding"], item["embedding"])
    # In a folder by set, those of the enrolments' sets are read.
    for name, scp in (("train", ark.scp), ("dev", dict.fromkeys(ark.scp, "nowhere"))):
        (tmp_path / "by_set" / name).mkdir(parents=True)
        write_table(tmp_path / "by_set" / name / "embedding.scp", scp)
    by_set = ExtractionDataset(planner(corpus), embeddings=str(tmp_path / "by_set"), enrolments=2)
    again = by_set.open(str(corpus / "raw/train"), 16000, STREAMS, 3)[ItemSpec(0, 1, 0)]
    assert np.array_equal(again["embedding"], item["embedding"])


def absent(corpus, share: float, path="raw/train", **options) -> ExtractionDataset:
    data = ExtractionDataset(options.pop("planner", planner(corpus)), absent_prob=share, **options)
    return data.open(str(corpus / path), 16000, STREAMS, 3)


def test_who_is_absent_is_neither_target_nor_interferer_and_leaves_silence(corpus):
    data, audio = absent(corpus, 1.0, self_epochs=4), AudioTable(corpus / "raw/train")
    present = ExtractionDataset(planner(corpus)).open(str(corpus / "raw/train"), 16000, STREAMS, 3)
    utt2spk = read_table(corpus / "raw/train/utt2spk")
    enrolled = set()
    for index in range(len(data)):
        item, usual = (dataset[ItemSpec(index, 1, index, 0.5)] for dataset in (data, present))
        assert np.array_equal(item["wav"], usual["wav"])  # the mixture is the one it would be
        assert not item["spk1"].any()
        assert len(item["spk1"]) == len(item["wav"])
        assert item["facts"]["target"] == "absent"
        speaker = utt2spk[source_of(item["enroll_spk1"], audio)]
        assert speaker not in (utt2spk[data.ids[index]], item["facts"]["interferer"])
        enrolled.add(speaker)
    assert len(enrolled) > 2


def test_a_share_of_the_mixtures_is_without_its_speaker(corpus):
    data = absent(corpus, 0.3)
    silent = [not data[ItemSpec(slot % len(data), 1, slot, 0.2)]["spk1"].any() for slot in range(200)]
    assert abs(np.mean(silent) - 0.3) < 4 * (0.3 * 0.7 / 200) ** 0.5
    assert silent == [not data[ItemSpec(slot % len(data), 1, slot, 0.2)]["spk1"].any() for slot in range(200)]


def test_the_absent_of_rendered_mixtures(corpus, tmp_path):
    path = planned(corpus, tmp_path, "sim", "--enroll", "draw")
    data, other = absent(tmp_path, 1.0, "raw/sim", planner=None), read_table(path / "utt2interferer")
    audio, utt2spk = AudioTable(corpus / "raw/train"), read_table(corpus / "raw/train/utt2spk")
    for index in range(4):
        item = data[ItemSpec(index, 1, 0)]
        assert not item["spk1"].any()
        inside = (utt2spk[data.ids[index]], other[data.ids[index]])
        assert utt2spk[source_of(item["enroll_spk1"], audio)] not in inside
    fixed = planned(corpus, tmp_path, "fixed", "--enroll", "fixed")
    with pytest.raises(InputError, match=r"enroll_spk1\.scp: .*absent_prob is 0\.5"):
        absent(tmp_path, 0.5, fixed, planner=None)
    with pytest.raises(InputError, match="absent_prob 2: must be from 0 to 1"):
        ExtractionDataset(absent_prob=2)


def test_two_speakers_leave_none_who_could_be_absent(tmp_path):
    write_speech(tmp_path / "data/two", 2, 3, 0.6)
    format_sets(tmp_path, "two")
    data = absent(tmp_path, 1.0, "raw/two", planner=MixturePlanner(interferer=Interferer(["two"])))
    assert "no speaker besides s00, s01 to enrol as absent" in str(data[ItemSpec(0, 1, 0)])
