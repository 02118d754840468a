"""simulate_render: streams of planned mixtures, the same by any number of jobs and as a loader hears them."""

import dataclasses

import numpy as np
import pytest

from toolkit.bin import simulate_render
from toolkit.data.datasets import MixtureDataset
from toolkit.data.item import ItemSpec
from toolkit.io.audio import AudioTable
from toolkit.io.command_line import run
from toolkit.io.datadir import DataDir, read_table, write_table
from toolkit.io.jobs import merge
from toolkit.simulate.mix_conf import write_mix_conf
from toolkit.simulate.plan import write_plan
from toolkit.simulate.planner import MixturePlanner, Noise


def render_set(root, name, jobs=1, streams=("wav",)):
    """Render ``root/data/<name>`` -> ``root/raw<jobs>/<name>`` as the recipe does."""
    out = root / f"raw{jobs}"
    for job, keys in enumerate(np.array_split(DataDir(root / "data" / name).keys(), jobs), 1):
        work = root / f"work.{job}"
        work.write_text("".join(f"{name} {key}\n" for key in keys))
        options = ["--in_root", root / "data", "--out_root", out, "--work", work, "--job", job, "--streams", *streams]
        simulate_render.main([str(word) for word in options])
    merge(root / "data", out, name, jobs, list(streams))
    return out / name


def test_the_number_of_jobs_changes_no_sample(plan, tmp_path):
    plan("train", "sim", "--planner.noise_prob", "0.5")
    one, four = (render_set(tmp_path, "sim", jobs) for jobs in (1, 4))
    a, b = AudioTable(one), AudioTable(four)
    assert a.keys() == b.keys() == DataDir(tmp_path / "data/sim").keys()
    assert all(np.array_equal(a.read(key), b.read(key)) for key in a.keys())
    for table in ("utt2spk", "utt2num_samples", "utt2dur", "utt2noise", "utt2snr", "mix.jsonl", "conditions.tsv"):
        assert (one / table).read_bytes() == (four / table).read_bytes()
    assert all(a.num_samples(key) == len(a.read(key)) for key in a.keys())
    assert {key: float(seconds) for key, seconds in read_table(one / "utt2dur").items()} == pytest.approx(
        {key: a.num_samples(key) / 16000 for key in a.keys()}, abs=1e-4
    )


def test_a_rendered_set_of_clean_copies_is_its_source(plan, corpus, tmp_path):
    plan("dev", "clean", "--planner.noise_prob", "0")
    made, source = AudioTable(render_set(tmp_path, "clean")), AudioTable(corpus / "raw/dev")
    assert all(np.array_equal(made.read(key), source.read(key)) for key in source.keys())


def test_streams(plan, tmp_path):
    plan("dev", "sim", "--planner.level", "active")
    out = render_set(tmp_path, "sim", streams=("wav", "spk1", "noise1"))
    for key in DataDir(out).keys():
        wav, spk1, noise1 = (soundfile_of(out, stream, key) for stream in ("wav", "spk1", "noise1"))
        assert np.abs(wav - spk1 - noise1).max() <= 1.5 / 32768
        assert noise1.any()


def test_the_noise_of_a_mixture_without_noise_is_silence(plan, tmp_path):
    plan("train", "sim", "--planner.noise_prob", "0.5")
    out = render_set(tmp_path, "sim", jobs=2, streams=("wav", "spk1", "noise1"))
    noisy = {key: kind != "clean" for key, kind in read_table(out / "utt2noise").items()}
    assert set(noisy.values()) == {True, False}
    for key, has_noise in noisy.items():
        wav, spk1, noise1 = (soundfile_of(out, stream, key) for stream in ("wav", "spk1", "noise1"))
        assert noise1.any() == has_noise
        assert len(noise1) == len(wav)
        assert has_noise or np.array_equal(wav, spk1)


def soundfile_of(path, stream, key):
    """Samples of one stream of a set."""
    table = AudioTable(path)
    table.values = read_table(path / f"{stream}.scp")
    return table.read(key)


@pytest.fixture
def on_the_fly(corpus, rooms):
    """A training set whose items are drawn with noise, babble, rooms and speeds."""
    noises = {
        "noise": Noise([str(corpus / "raw/noise")]),
        "babble": Noise([str(corpus / "raw/train")], talkers=(2, 3)),
    }
    speeds = {"speeds": [0.9, 1.0, 1.1], "new_speakers": True}
    planner = MixturePlanner(noises, 0.8, [str(rooms)], 0.5, **speeds)
    return MixtureDataset(planner).open(corpus / "raw/train", 16000, seed=11)


@pytest.mark.parametrize("seconds", [None, 0.6, 3.0])
def test_what_a_loader_hears_is_what_a_file_holds(on_the_fly, corpus, rooms, tmp_path, seconds):
    """The plan line of a training item, rendered to a file, is the item, bit for bit."""
    draws = [ItemSpec(index, epoch=2, slot=7 * index, seconds=seconds) for index in range(len(on_the_fly))]
    mixtures = [dataclasses.replace(on_the_fly.mixture(draw), id=f"m{draw.index:02d}") for draw in draws]
    write_plan(tmp_path / "data/sim/mix.jsonl", mixtures)
    write_table(tmp_path / "data/sim/utt2spk", {m.id: m.speaker for m in mixtures})
    write_mix_conf(tmp_path / "data/sim", [corpus / "raw/train", corpus / "raw/noise"], [rooms], 16000, 11)
    files = AudioTable(render_set(tmp_path, "sim"))
    items = [on_the_fly[draw] for draw in draws]
    assert all(np.array_equal(files.read(m.id), item["wav"]) for m, item in zip(mixtures, items, strict=True))
    labels = [on_the_fly.speakers[item["label"]] for item in items]
    assert labels == [m.speaker for m in mixtures]
    assert {m.facts["noise"] for m in mixtures} == {"clean", "noise", "babble"}
    assert {"room" in m.facts for m in mixtures} == {True, False}


def render_options(tmp_path, work):
    (tmp_path / "work").write_text(work)
    roots = ["--in_root", tmp_path / "data", "--out_root", tmp_path / "out"]
    return [str(word) for word in (*roots, "--work", tmp_path / "work", "--job", 1)]


@pytest.mark.parametrize("stream", ["spk3", "noise2", "noises"])
def test_a_stream_that_no_mixture_has(plan, tmp_path, capsys, stream):
    plan("dev", "sim")
    options = [*render_options(tmp_path, "sim s04-u0\n"), "--streams", "wav", stream]
    assert run(simulate_render.main, options) == 1
    assert f"s04-u0: has no stream {stream}, only wav, spk1, noise1" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.ark"))
    assert not list((tmp_path / "out").rglob("*.scp"))


def test_a_mixture_that_is_not_in_the_plan(plan, tmp_path, capsys):
    plan("dev", "sim")
    assert run(simulate_render.main, render_options(tmp_path, "sim nobody\n")) == 1
    assert "sim/mix.jsonl: has no mixture nobody" in capsys.readouterr().err


def test_a_set_that_was_not_planned(tmp_path, capsys):
    assert run(simulate_render.main, render_options(tmp_path, "other s04-u0\n")) == 1
    assert "other/mix_conf.yaml: no such file; is it a planned set" in capsys.readouterr().err
