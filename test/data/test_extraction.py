"""Training items of extraction: the mixture is the sum of its parts, the enrolment another utterance of the target."""

import logging

import numpy as np
import pytest
import torch

from test.conftest import format_sets, write_speech
from test.models.tse.extractors import Several, small
from toolkit.bin import simulate_plan, simulate_render
from toolkit.data.batches import CropBatches
from toolkit.data.collate import load_batches
from toolkit.data.extraction import ExtractionDataset, first_seconds, fixed_enrolments
from toolkit.data.item import ItemSpec
from toolkit.io.ark import ArkWriter
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, read_table, write_table
from toolkit.io.errors import InputError
from toolkit.io.jobs import merge
from toolkit.losses.enhancement.waveform import SISNR
from toolkit.simulate.plan import read_plan
from toolkit.simulate.planner import Interferer, MixturePlanner
from toolkit.tasks.enhancement.extraction_task import ExtractionTask
from toolkit.train.probe import probe

STREAMS = ("wav", "spk1", "spk2", "enroll_spk1")


def planner(corpus) -> MixturePlanner:
    return MixturePlanner(interferer=Interferer([str(corpus / "raw/train")], sir=(-5, 5), length="min"))


@pytest.fixture
def mixed(corpus):
    return ExtractionDataset(planner(corpus)).open(str(corpus / "raw/train"), 16000, STREAMS, 3)


def source_of(samples: np.ndarray, audio: AudioTable) -> str:
    """The utterance that holds exactly these samples."""
    (actual,) = [key for key in audio.keys() if _holds(audio.read(key), samples)]
    return actual


def _holds(whole: np.ndarray, part: np.ndarray) -> bool:
    starts = np.flatnonzero(whole[: len(whole) - len(part) + 1] == part[0])
    return any(np.array_equal(whole[s : s + len(part)], part) for s in starts)


def planned(corpus, root, name: str, *options: str):
    """Stage 3: plan and render ``name`` of raw/train; returns the formatted set."""
    config = root / "interferer.yaml"
    config.write_text(f"planner:\n  interferer: {{data: [{corpus / 'raw/train'}], sir: [0, 0]}}\n")
    words = ["--config", config, "--data", corpus / "raw/train", "--out_root", root / "data", "--name", name, *options]
    simulate_plan.main([str(word) for word in words])
    keys = DataDir(root / "data" / name).keys()
    (root / "work").write_text("".join(f"{name} {key}\n" for key in keys))
    words = ["--in_root", root / "data", "--out_root", root / "raw", "--work", root / "work", "--job", "1"]
    simulate_render.main([str(word) for word in (*words, "--streams", "all")])
    merge(root / "data", root / "raw", name, 1, ["wav"])
    return root / "raw" / name


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


# --- several enrolments ----------------------------------------------------------------------------------------------


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


# --- the enrolled speaker is absent ----------------------------------------------------------------------------------


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
