"""The parts of a mixture as training items: made on the fly or rendered before, they are the same and sum up."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from toolkit.bin import simulate_render
from toolkit.data.batches import CropBatches
from toolkit.data.collate import load_batches
from toolkit.data.datasets import MixtureDataset
from toolkit.data.item import ItemSpec
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.io.jobs import merge
from toolkit.simulate.mix_conf import write_mix_conf
from toolkit.simulate.plan import write_plan
from toolkit.simulate.planner import Interferer, MixturePlanner, Noise

STREAMS = ("wav", "spk1", "noise1")


def units(samples: np.ndarray) -> np.ndarray:
    """Samples in steps of 16 bits; that they are whole is part of the test."""
    steps = samples.astype(np.float64) * 32768
    assert np.array_equal(steps, np.rint(steps))
    return steps


def noises(corpus) -> dict[str, Noise]:
    return {
        "noise": Noise([str(corpus / "raw/noise")], snr=(0, 10)),
        "babble": Noise([str(corpus / "raw/train")], snr=(0, 10), talkers=(2, 3)),
    }


def rendered(mixtures, corpus, root, streams=STREAMS):
    """Stage 3 on these mixtures: ``root/raw/sim`` with the streams."""
    write_plan(root / "data/sim/mix.jsonl", mixtures)
    write_table(root / "data/sim/utt2spk", {m.id: m.speaker for m in mixtures})
    for fact, missing in (("noise", "clean"), ("snr", "inf")):
        write_table(root / f"data/sim/utt2{fact}", {m.id: m.facts.get(fact, missing) for m in mixtures})
    write_mix_conf(root / "data/sim", [corpus / "raw/train", corpus / "raw/noise"], [], 16000, 0)
    (root / "work").write_text("".join(f"sim {m.id}\n" for m in mixtures))
    words = ["--in_root", root / "data", "--out_root", root / "raw", "--work", root / "work", "--job", "1"]
    simulate_render.main([str(word) for word in (*words, "--streams", *streams)])
    merge(root / "data", root / "raw", "sim", 1, list(streams))
    return root / "raw/sim"


@pytest.fixture
def noisy_set(corpus, tmp_path):
    """Sixteen utterances of the corpus, some with noise, some with babble, some clean: on the fly, and rendered."""
    data = MixtureDataset(MixturePlanner(noises(corpus), 0.7)).open(corpus / "raw/train", 16000, STREAMS, 3)
    draws = [ItemSpec(index, 1, index) for index in range(len(data))]
    mixtures = [replace(data.mixture(draw), id=data.ids[draw.index]) for draw in draws]
    assert {m.facts["noise"] for m in mixtures} == {"clean", "noise", "babble"}
    return [data[draw] for draw in draws], rendered(mixtures, corpus, tmp_path)


@pytest.mark.parametrize("seconds", [None, 0.5, 3.0])
def test_streams_made_on_the_fly_sum_up(corpus, seconds):
    planner = MixturePlanner(noises(corpus), 0.7, speeds=[0.9, 1.0, 1.1])
    data = MixtureDataset(planner).open(corpus / "raw/train", 16000, STREAMS, 3)
    kinds = set()
    for index in range(len(data)):
        item = data[ItemSpec(index, 1, index, seconds)]
        wav, speech, noise = (units(item[stream]) for stream in STREAMS)
        assert np.abs(wav - speech - noise).max() <= 1  # three roundings
        assert noise.any() == (item["facts"]["noise"] != "clean")
        if noise.any():
            snr = 10 * np.log10(np.square(speech).mean() / np.square(noise).mean())
            assert snr == pytest.approx(float(item["facts"]["snr"]), abs=0.05)
        kinds.add(item["facts"]["noise"])
    assert kinds == {"clean", "noise", "babble"}


def test_clean_members_have_no_noise_and_no_room(corpus, tmp_path):
    soundfile.write(tmp_path / "room.wav", np.r_[1.0, np.zeros(400), 0.5], 16000)
    write_table(tmp_path / "rooms/wav.scp", {"room": tmp_path / "room.wav"})
    planner = MixturePlanner(noises(corpus), rooms=[str(tmp_path / "rooms")], room_prob=1.0)
    data = MixtureDataset(planner, clean_members=1).open(corpus / "raw/train", 16000, STREAMS, 0)
    whole = AudioTable(corpus / "raw/train")
    for index in (0, 5, 11):
        clean, noisy = (data[ItemSpec(index, 1, index, 0.5, member)] for member in (0, 1))
        assert clean["facts"] == {"noise": "clean"}
        assert np.array_equal(clean["wav"], clean["spk1"])
        assert not clean["noise1"].any()
        samples = np.lib.stride_tricks.sliding_window_view(whole.read(data.ids[index]), 8000)
        assert (samples == clean["wav"]).all(1).any()
        assert noisy["facts"]["noise"] in ("noise", "babble")
        assert noisy["facts"]["room"] == "room"
        assert noisy["noise1"].any()
        assert not (samples == noisy["spk1"]).all(1).any()


def test_a_batch_holds_the_clean_utterance_before_the_noisy_one(corpus):
    data = MixtureDataset(MixturePlanner(noises(corpus)), 1).open(corpus / "raw/train", 16000, STREAMS, 0)
    batches = CropBatches(4, (0.4, 0.4)).epoch(data.labels, data.seconds, 2, 0, 1)
    for batch in load_batches(data, batches, 0):
        assert [fact["noise"] == "clean" for fact in batch["facts"]] == [True, False] * 2
        assert batch["labels"][0::2].tolist() == batch["labels"][1::2].tolist()
        assert batch["wav"].shape == batch["spk1"].shape == batch["noise1"].shape == (4, 6400)
        assert batch["noise1"].any(1).tolist() == [False, True] * 2


def test_padded_batches_have_streams_of_one_length(corpus):
    data = MixtureDataset(MixturePlanner(noises(corpus))).open(corpus / "raw/train", 16000, STREAMS, 0)
    batch = next(load_batches(data, [[ItemSpec(0, 1, 0), ItemSpec(3, 1, 1)]], 0))
    assert batch["lengths"].tolist() == [data.seconds[i] * 16000 for i in (0, 3)]
    assert batch["wav"].shape == batch["spk1"].shape == batch["noise1"].shape == (2, max(batch["lengths"]))


def level(wav: np.ndarray) -> float:
    return 10 * np.log10(np.square(wav, dtype=np.float64).mean())


@pytest.mark.parametrize("length", ["min", "max", "target"])
@pytest.mark.parametrize("short", [True, False])
def test_a_crop_of_a_short_utterance_has_the_statistics_of_the_whole(corpus, short, length):
    """What normalisation over time sees in training and at inference; of utterances of 1.2 to 1.5 s, padded to 10 s, it
    would be 8 to 9 dB less."""
    planner = MixturePlanner(interferer=Interferer([str(corpus / "raw/train")], sir=(0, 0), length=length))
    data = MixtureDataset(planner, repeat_short=short).open(corpus / "raw/train", 16000, ("wav", "spk1"), 0)
    batch = next(load_batches(data, [[ItemSpec(i, 1, i, 10.0) for i in range(8)]], 0))
    if short:
        assert batch["lengths"] is None
        assert batch["wav"].shape == (8, 160000)
    audio = AudioTable(corpus / "raw/train")
    whole = [level(audio.read(key)) for key in data.ids[:8]]
    assert [level(wav) for wav in batch["spk1"].numpy()] == pytest.approx(whole, abs=0.5) or not short


def test_rendered_streams_are_those_made_on_the_fly(noisy_set):
    """The same plan gives the same samples of every stream, bit for bit, and the same facts."""
    items, path = noisy_set
    data = MixtureDataset().open(path, 16000, STREAMS, 3)
    for index, item in enumerate(items):
        again = data[ItemSpec(index, 1, index)]
        assert again["id"] == item["id"]
        assert all(np.array_equal(again[stream], item[stream]) for stream in STREAMS)
        assert again["facts"]["noise"] == item["facts"]["noise"]
        assert float(again["facts"]["snr"]) == float(item["facts"].get("snr", "inf"))


@pytest.mark.parametrize("seconds", [0.5, 3.0])
def test_rendered_streams_are_cropped_alike(noisy_set, seconds):
    items, path = noisy_set
    data = MixtureDataset().open(path, 16000, STREAMS, 3)
    for index, item in enumerate(items):
        part = data[ItemSpec(index, 2, index, seconds)]
        samples = np.stack([item[stream] for stream in STREAMS])
        repeated = np.tile(samples, 4)[:, : samples.shape[1] + round(seconds * 16000) if seconds > 1 else None]
        windows = np.lib.stride_tricks.sliding_window_view(repeated, round(seconds * 16000), 1)
        (starts,) = np.nonzero((windows[0, :, :50] == part["wav"][:50]).all(1))
        assert any(np.array_equal(windows[:, s], [part[stream] for stream in STREAMS]) for s in starts)


def test_rendered_clean_members_are_the_speech_in_the_mixture(noisy_set):
    items, path = noisy_set
    for streams in (STREAMS, ("wav",)):
        data = MixtureDataset(clean_members=1).open(path, 16000, streams, 3)
        for index, item in enumerate(items):
            clean, noisy = (data[ItemSpec(index, 1, index, None, member)] for member in (0, 1))
            assert np.array_equal(clean["wav"], item["spk1"])
            assert clean["facts"]["noise"] == "clean"
            assert np.array_equal(noisy["wav"], item["wav"])
            assert set(streams) == clean.keys() - {"id", "label", "facts"}
            if len(streams) > 1:
                assert np.array_equal(clean["spk1"], item["spk1"])
                assert not clean["noise1"].any()


def test_rendered_streams_stay_a_sum_when_a_change_of_speed_overshoots(tmp_path):
    """A full-scale square wave rings when it is resampled; all its streams are scaled down alike."""
    square = np.sign(np.sin(np.arange(16000) * 0.2)).astype(np.float32) * 0.98
    for stream, share in (("wav", 1.0), ("spk1", 0.75), ("noise1", 0.25)):
        soundfile.write(tmp_path / f"{stream}.wav", np.rint(share * square * 32768) / 32768, 16000)
        write_table(tmp_path / f"set/{stream}.scp", {"a": tmp_path / f"{stream}.wav"})
    write_table(tmp_path / "set/utt2spk", {"a": "a"})
    data = MixtureDataset(MixturePlanner(speeds=[1.1])).open(tmp_path / "set", 16000, STREAMS, 0)
    wav, speech, noise = (units(data[ItemSpec(0, 1, 0)][stream]) for stream in STREAMS)
    assert np.abs(wav).max() == round(0.99 * 32768)
    assert np.abs(wav - speech - noise).max() <= 2  # the files were rounded as well


@pytest.mark.parametrize("missing", ["spk1", "noise1"])
def test_a_stream_that_was_not_rendered_is_named_with_the_remedy(noisy_set, missing):
    path = noisy_set[1]
    (path / f"{missing}.scp").unlink()
    remedy = rf'sim/{missing}.scp: no such file.*planner.noises.*--train_streams "wav spk1 noise1"'
    with pytest.raises(InputError, match=remedy):
        MixtureDataset().open(path, 16000, STREAMS, 0)


def test_clean_members_of_a_noisy_set_need_the_speech_in_it(noisy_set):
    """Also for a model that asks for nothing but the mixture: its clean members would not be clean."""
    (noisy_set[1] / "spk1.scp").unlink()
    MixtureDataset().open(noisy_set[1], 16000, seed=0)
    with pytest.raises(InputError, match=r'sim/spk1.scp: no such file.*--train_streams "wav spk1"'):
        MixtureDataset(clean_members=1).open(noisy_set[1], 16000, seed=0)


def test_noise_is_not_added_to_what_counts_as_speech(corpus, noisy_set):
    with pytest.raises(InputError, match=r'sim: holds mixtures.*--simulate_train_config ""'):
        MixtureDataset(MixturePlanner(noises(corpus))).open(noisy_set[1], 16000, STREAMS, 0)


def test_rooms_and_interferers_of_rendered_streams_are_refused(corpus, noisy_set):
    for planner, what in (
        (MixturePlanner(rooms=["r"], room_prob=0.5), "data.init_args.planner: rooms need noises"),
        (MixturePlanner(interferer=Interferer([str(corpus / "raw/train")])), "would add its noises or its interferer"),
    ):
        with pytest.raises(InputError, match=what):
            MixtureDataset(planner).open(noisy_set[1], 16000, STREAMS, 0)
