"""Training items: labels, crops, and faults that name the utterance."""

import kaldiio
import numpy as np
import pytest
import soundfile
import yaml

from toolkit.data.collate import collate, load_batches, pad
from toolkit.data.datasets import FeatureDataset, MixtureDataset
from toolkit.data.item import ItemSpec
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.ark import ArkWriter, read_array
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, read_table, write_table
from toolkit.io.errors import InputError
from toolkit.simulate.plan import generator
from toolkit.simulate.planner import MixturePlanner, Noise
from toolkit.testing import check_dataset


def features(frontend) -> FeatureDataset:
    """To be opened, of what this front end made."""
    data = FeatureDataset()
    data.read_by(frontend)
    return data


@pytest.fixture(scope="module")
def arks(corpus, tmp_path_factory):
    """Features of the training set: frame t of every utterance is filled with t."""
    path = tmp_path_factory.mktemp("feats") / "train"
    source = DataDir(corpus / "raw/train")
    with ArkWriter(path / "data/feats.1.ark") as ark:
        for key in source.keys():
            frames = KaldiFbank().num_frames(int(source.table("utt2num_samples")[key]))
            ark.write(key, np.repeat(np.arange(frames, dtype=np.float32)[:, None], 80, axis=1))
    write_table(path / "feats.scp", ark.scp)
    for table in ("utt2spk", "utt2dur"):
        write_table(path / table, source.table(table))
    (path / "feats_conf.yaml").write_text(yaml.safe_dump(KaldiFbank().conf()))
    return path


def test_labels_are_speakers_in_c_order(corpus):
    data = MixtureDataset().open(corpus / "raw/train", 16000, seed=0)
    assert data.speakers == ["s00", "s01", "s02", "s03"]
    assert [data.speakers[label] for label in data.labels] == [key[:3] for key in data.ids]


def test_an_audio_crop_is_a_part_of_the_recording(corpus):
    data = MixtureDataset().open(corpus / "raw/train", 16000, seed=0)
    crop = data[ItemSpec(5, 1, 0, 0.5)]["wav"]
    whole = AudioTable(corpus / "raw/train").read(data.ids[5])
    starts = np.flatnonzero(whole[: len(whole) - 7999] == crop[0])
    assert any(np.array_equal(whole[s : s + 8000], crop) for s in starts)


def test_a_short_recording_is_repeated_to_the_crop(corpus):
    data = MixtureDataset().open(corpus / "raw/train", 16000, seed=0)
    crop = data[ItemSpec(0, 1, 0, 3.0)]["wav"]
    period = AudioTable(corpus / "raw/train").num_samples(data.ids[0])
    assert len(crop) == 48000
    assert np.array_equal(crop[: 48000 - period], crop[period:])


def test_speeds_as_new_speakers_multiply_items_and_classes(corpus):
    data = MixtureDataset(MixturePlanner(speeds=[0.9, 1.0], new_speakers=True)).open(
        corpus / "raw/train", 16000, seed=0
    )
    assert len(data) == 32
    assert data.speakers[:4] == ["s00", "s01", "s02", "s03"]
    assert data.speakers[4:] == ["sp0.9-s00", "sp0.9-s01", "sp0.9-s02", "sp0.9-s03"]


def test_items_depend_on_seed_epoch_and_slot_only(corpus):
    planner = MixturePlanner(noises={"noise": Noise([str(corpus / "raw/noise")])})
    one, two = (MixtureDataset(planner).open(corpus / "raw/train", 16000, seed=7) for _ in range(2))
    one[ItemSpec(1, 1, 1, 0.5)]
    assert np.array_equal(one[ItemSpec(3, 2, 9, 0.5)]["wav"], two[ItemSpec(3, 2, 9, 0.5)]["wav"])
    assert not np.array_equal(one[ItemSpec(3, 2, 9, 0.5)]["wav"], two[ItemSpec(3, 3, 9, 0.5)]["wav"])


def test_feature_crops_are_consecutive_frames(arks):
    data = features(KaldiFbank()).open(arks, 16000, ("wav",), 0)
    crop = data[ItemSpec(2, 1, 0, 0.5)]["feats"]
    assert crop.shape == (KaldiFbank().num_frames(8000), 80)
    assert (np.diff(crop[:, 0]) == 1).all()


@pytest.mark.parametrize("compression", [None, 3])
@pytest.mark.parametrize("seconds", [0.5, 30.0])
def test_a_feature_crop_is_the_part_of_the_whole_that_is_drawn(arks, tmp_path, compression, seconds):
    """Of short utterances, round and round; whether rows are read by seeking (float32) or not."""
    for table in ("utt2spk", "utt2dur", "feats_conf.yaml"):
        (tmp_path / table).write_bytes((arks / table).read_bytes())
    with ArkWriter(tmp_path / "feats.1.ark", compression) as ark:
        for key, value in read_table(arks / "feats.scp").items():
            ark.write(key, read_array(value, key))
    write_table(tmp_path / "feats.scp", ark.scp)
    data, frames = (
        features(KaldiFbank()).open(tmp_path, 16000, ("wav",), 7),
        KaldiFbank().num_frames(round(seconds * 16000)),
    )
    for index, key in enumerate(data.ids):
        whole = kaldiio.load_mat(ark.scp[key])
        draw = generator(7, 3, index, key)
        first = draw.integers(len(whole) - frames + 1 if len(whole) > frames else len(whole))
        expected = whole[(first + np.arange(frames)) % len(whole)]
        assert np.array_equal(data[ItemSpec(index, 3, index, seconds)]["feats"], expected)
        assert np.array_equal(data[ItemSpec(index, 3, index, None)]["feats"], whole)


def test_features_of_another_front_end_are_refused(arks):
    with pytest.raises(InputError, match=r"n_mels is 80, expected 40.*run stage 4"):
        features(KaldiFbank(n_mels=40)).open(arks, 16000, ("wav",), 0)


def test_features_of_which_nothing_says_how_they_were_made_are_refused(arks, tmp_path):
    for table in ("utt2spk", "utt2dur", "feats.scp"):
        (tmp_path / table).write_bytes((arks / table).read_bytes())
    with pytest.raises(
        InputError, match=r"feats_conf\.yaml: file not found, so the front end of the features is unknown"
    ):
        features(KaldiFbank()).open(tmp_path, 16000, ("wav",), 0)


def test_a_fault_met_by_a_worker_names_the_utterance(corpus, tmp_path):
    path = tmp_path / "bad"
    nan = np.full(16000, np.nan, np.float32)
    soundfile.write(tmp_path / "nan.wav", nan, 16000, subtype="FLOAT")
    write_table(path / "wav.scp", {"s00-u0": str(tmp_path / "nan.wav")})
    write_table(path / "utt2spk", {"s00-u0": "s00"})
    data = MixtureDataset().open(path, 16000, seed=0)
    with pytest.raises(InputError, match=r"s00-u0: .*nan.wav: holds NaN"):
        next(load_batches(data, [[ItemSpec(0, 1, 0)]], workers=1))


def test_digital_silence_under_noise_is_said_not_looped_over(corpus, tmp_path):
    soundfile.write(tmp_path / "zero.wav", np.zeros(16000, np.float32), 16000)
    write_table(tmp_path / "set/wav.scp", {"s00-u0": str(tmp_path / "zero.wav")})
    write_table(tmp_path / "set/utt2spk", {"s00-u0": "s00"})
    planner = MixturePlanner(noises={"noise": Noise([str(corpus / "raw/noise")])})
    item = MixtureDataset(planner).open(tmp_path / "set", 16000, seed=0)[ItemSpec(0, 1, 0, 0.5)]
    assert isinstance(item, InputError)
    assert "digital silence" in str(item)


def test_features_hold_no_streams(arks):
    with pytest.raises(InputError, match=r"train: holds features of the mixtures .*MixtureDataset"):
        features(KaldiFbank()).open(arks, 16000, ("wav", "spk1", "noise1"), 0)


def test_workers_change_nothing(corpus):
    planner = MixturePlanner(noises={"noise": Noise([str(corpus / "raw/noise")])})
    data = MixtureDataset(planner).open(corpus / "raw/train", 16000, seed=0)
    batches = [[ItemSpec(i, 1, i, 0.4) for i in range(b, b + 4)] for b in (0, 4)]
    for alone, parallel in zip(load_batches(data, batches, 0), load_batches(data, batches, 2), strict=True):
        assert alone["ids"] == parallel["ids"]
        assert (alone["wav"] == parallel["wav"]).all()


def test_pad():
    padded, lengths = pad([np.ones((2, 3), np.float32), np.ones((4, 3), np.float32)])
    assert padded.shape == (2, 4, 3)
    assert lengths.tolist() == [2, 4]
    assert padded[0, 2:].abs().sum() == 0
    assert pad([np.ones(5, np.float32)] * 2)[1] is None


def test_a_set_without_labels(corpus, tmp_path):
    """Items are the same recordings; every one is a class of its own, and batches carry no labels."""
    for table in ("wav.scp", "utt2num_samples"):
        (tmp_path / table).write_text((corpus / "raw/train" / table).read_text())
    data, labelled = (MixtureDataset().open(path, 16000) for path in (tmp_path, corpus / "raw/train"))
    assert (data.speakers, data.ids, data.labels.tolist()) == ([], labelled.ids, list(range(len(labelled))))
    item = data[ItemSpec(3, 1, 0, 0.5)]
    assert np.array_equal(item["wav"], labelled[ItemSpec(3, 1, 0, 0.5)]["wav"])
    assert "labels" not in collate([item])


def test_features_of_an_earlier_version_keep_their_front_end(arks):
    """Its class has another name now."""
    conf = arks / "feats_conf.yaml"
    conf.write_text(conf.read_text().replace("KaldiFbank", "LogMel"))
    assert len(features(KaldiFbank()).open(arks, 16000)) > 0


def test_promises(corpus, arks):
    for kind, where in ((MixtureDataset, corpus / "raw/train"), (FeatureDataset, arks)):
        dataset = kind()
        dataset.read_by(KaldiFbank())
        check_dataset(dataset.open(where, 16000))


def test_a_dataset_that_draws_anew_is_named(corpus, monkeypatch):
    class Forgetful(MixtureDataset):
        def _load(self, draw):
            streams, facts = super()._load(draw)
            return {name: x + np.float32(np.random.rand()) for name, x in streams.items()}, facts

    with pytest.raises(AssertionError, match="Forgetful: a spec decides its item"):
        check_dataset(Forgetful().open(corpus / "raw/train", 16000))
