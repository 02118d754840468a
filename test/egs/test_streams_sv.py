"""Models that train on the parts of a mixture: rendered at stage 3 with --train_streams, or made on the fly."""

import json

import numpy as np
import pytest

from toolkit.io.audio import AudioTable
from toolkit.io.datadir import read_table

from .conftest import MINI

ONE_TEST = ["--test_noises", "noise", "--ood_noises", "", "--snrs", "0", "--dumpdir", "dump_streams"]
CONFIG = ["--feats_type", "raw", "--sv_config", "conf/train_paranoise_enc.yaml"]
STREAMS = ["--train_streams", "wav spk1 noise1"]


@pytest.fixture(scope="module")
def recipe(mini, tree):
    """The mini recipe after stages 2 and 3 with streams, in a folder of its own for the audio."""
    folder = tree.adopt(mini[0])
    done = tree.run(folder, "./run.sh", *MINI, *ONE_TEST, *STREAMS, "--stage", "2", "--stop_stage", "3")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


def test_the_training_set_has_its_streams_and_the_others_have_none(recipe, monkeypatch):
    monkeypatch.chdir(recipe)
    sets = {p.parent.name for p in recipe.glob("dump_streams/raw/*/noise1.scp")}
    assert sets == {p.parent.name for p in recipe.glob("dump_streams/raw/*/spk1.scp")} == {"train_sim"}
    wav, speech, noise = (AudioTable("dump_streams/raw/train_sim", stream=s) for s in ("wav", "spk1", "noise1"))
    kinds = read_table("dump_streams/raw/train_sim/utt2noise")
    assert wav.keys() == speech.keys() == noise.keys() == sorted(kinds)
    assert len(kinds) == 2 * 32
    for key in wav.keys():
        assert np.abs(wav.read(key) - speech.read(key) - noise.read(key)).max() <= 1.5 / 32768
        assert noise.read(key).any() == (kinds[key] != "clean")


def test_the_same_command_again_renders_nothing(recipe, tree):
    arks = {p: p.stat().st_mtime_ns for p in recipe.glob("dump_streams/raw/train_sim/data/*.ark")}
    done = tree.run(recipe, "./run.sh", *MINI, *ONE_TEST, *STREAMS, "--stage", "2", "--stop_stage", "3")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "render: all done before: train_sim" in done.stdout
    assert {p: p.stat().st_mtime_ns for p in arks} == arks


def test_paranoise_trains_on_rendered_streams(recipe, tree):
    words = [*MINI[:-4], "--sv_args", "--trainer.epochs 1 --data.init_args.planner null", "--sv_tag", "rendered"]
    done = tree.run(recipe, "./run.sh", *words, *ONE_TEST, *STREAMS, *CONFIG, "--stage", "6", "--stop_stage", "6")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    lines = (recipe / "exp/sv_rendered/metrics.jsonl").read_text().splitlines()
    assert {"noise", "speech", "initial", "prototype", "margin"} <= json.loads(lines[0]).keys()


def test_noises_on_top_of_a_noisy_set_are_refused(recipe, tree):
    words = [*MINI, "--sv_tag", "twice", *ONE_TEST, *STREAMS, *CONFIG]
    done = tree.run(recipe, "./run.sh", *words, "--stage", "6", "--stop_stage", "6")
    assert done.returncode == 1
    assert "conf/simulate_train.yaml has added noise before" in done.stderr
    assert "Traceback" not in done.stderr


def test_streams_of_what_is_not_rendered_are_refused(recipe, tree):
    for words, message in (
        (["--simulate_train_config", "", *STREAMS], "needs --simulate_train_config"),
        (["--train_streams", "spk1 noise1"], "--train_streams spk1 noise1: wav must be among them"),
    ):
        done = tree.run(recipe, "./run.sh", *MINI, *words, "--stage", "2", "--stop_stage", "3")
        assert done.returncode == 1
        assert message in done.stderr
