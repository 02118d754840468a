"""The Libri2Mix recipe on corpora in miniature: from the published layouts to a table."""

import json
import shutil

import numpy as np
import pytest
import yaml
from helpers.libri2mix_corpora import mixed, read_rows, write_corpora

from toolkit.io.audio import AudioTable
from toolkit.io.datadir import DataDir, read_table

TINY = "--model.init_args.integration_channels 4 --model.init_args.mix_channels 4 --model.init_args.stem_channels 4"
TINY += " --model.init_args.dense_channels [4,4,4] --model.init_args.conv_channels [4,4,4]"
TINY += " --model.init_args.dense_depth 1 --model.init_args.tcn_layers 1 --model.init_args.tcn_blocks 1"
TINY += " --batches.init_args.batch_size 4 --batches.init_args.crop_seconds [1.0,1.0]"
TINY += " --trainer.epochs 1 --trainer.workers 0"
BOTH = ["--condition", "mix_both", "--both_targets", "true", "--local_data_opts", "--partial"]
STREAMS = {"wav": "mix_both", "spk1": "s1", "spk2": "s2", "noise1": "noise"}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """Everything under the names of db.sh."""
    return write_corpora(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def recipe(tree, corpora):
    """The recipe after its stages up to scoring, in noise, with each talker as target."""
    folder = tree.copy("libri2mix/tse")
    words = ["--tse_args", TINY, "--tse_tag", "tiny", "--resamples", "20", "--metrics", "si_sdr", "--nj", "4"]
    words += ["--inference_nj", "1", "--absent", "false", "--stop_stage", "8"]
    done = tree.run(folder, "./run.sh", *BOTH, *words, CORPORA=str(corpora))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, done


def test_the_recipe_extracts_and_scores(recipe):
    folder, done = recipe
    exp = folder / "exp/8k_train_mix_both_x2/tse_tiny"
    config = yaml.safe_load((exp / "config.yaml").read_text())
    assert config["schedule"]["class_path"] == "toolkit.train.StepDecay"
    result = json.loads((exp / "scores/test_mix_both_x2/result.json").read_text())
    assert (result["n_utterances"], result["condition"]["noise"]) == (12, "wham")
    assert set(result["breakdown"]["gender_pair"]["groups"]) >= {"m-f"}
    assert "Traceback" not in done.stderr


def test_streams_on_disk_are_those_of_libri2mix(recipe, corpora, monkeypatch):
    folder, _ = recipe
    monkeypatch.chdir(folder)  # what scps have paths from
    rows = {row["mixture_ID"]: row for row in read_rows(corpora, "test-clean")}
    for stream, name in STREAMS.items():
        table = AudioTable(folder / "dump/8k/raw/test_mix_both_x2", stream=stream)
        assert set(rows) < set(table.keys())
        for key, row in rows.items():
            expected = np.clip(mixed(corpora, row, 8000, "min")[name], -1, 1 - 1 / 32768)
            np.testing.assert_allclose(table.read(key), expected, rtol=0, atol=0.55 / 32768)


def test_training_has_mixtures_of_each_talker_and_its_enrolments_to_be_drawn(recipe):
    folder, _ = recipe
    data = DataDir(folder / "dump/8k/raw/train_mix_both_x2")
    assert len(data.keys()) == 12
    assert set(data.table("wav.scp")) == set(data.table("spk1.scp")) == set(data.keys())
    assert all(value.startswith("*") for value in read_table(data.path / "enroll_spk1.scp").values())
    dev = read_table(folder / "dump/8k/raw/dev_mix_both_x2/enroll_spk1.scp")
    assert len(dev) == 12
    assert not any(value.startswith("*") for value in dev.values())


def test_the_number_of_jobs_does_not_matter(recipe, tree, corpora, monkeypatch):
    folder, _ = recipe
    monkeypatch.chdir(folder)
    words = ["--stop_stage", "3", "--nj", "1", "--dumpdir", "dump/one"]
    done = tree.run(folder, "./run.sh", *BOTH, *words, CORPORA=str(corpora))
    assert done.returncode == 0, done.stderr
    for name, streams in (("test_mix_both_x2", [*STREAMS, "enroll_spk1"]), ("train_mix_both_x2", ["wav", "spk1"])):
        for stream in streams:
            one, four = (AudioTable(folder / f"dump/{part}/raw/{name}", stream=stream) for part in ("one", "8k"))
            assert one.keys() == four.keys()
            assert all(np.array_equal(one.read(key), four.read(key)) for key in one.keys())
    shutil.rmtree(folder / "dump/one")


def test_options_of_the_recipe(tree, recipe):
    folder, _ = recipe
    words = ["--condition", "mix_single", "--mode", "max", "--fs", "16000", "--subset", "train-360"]
    words += ["--local_data_opts", "--enroll_lists train=x"]
    done = tree.run(folder, "./run.sh", *words, "--dry_run", "true", "--stop_stage", "4")
    assert done.returncode == 0, done.stderr
    message = done.stdout.replace("\\", "")
    assert "--train_set train-360_mix_single_max --valid_sets dev_mix_single_max" in message
    assert "--mode max --conditions mix_single --subset train-360 --enroll_lists train=x" in message
    assert "--fs 16000 --train_set" in message
    assert "--train_streams wav spk1 enroll_spk1 --dumpdir dump/16k" in message
    assert "--expdir exp/16k_train-360_mix_single_max" in message
    message = tree.run(folder, "./run.sh", "--condition", "mix_all")
    assert message.returncode == 1
    assert "--condition mix_all" in message.stderr
    message = tree.run(folder, "./run.sh", "--both-targets")
    assert (message.returncode, message.stderr) == (1, "error: option --both-targets needs a value\n")
    help_text = tree.run(tree.path, "egs/libri2mix/tse/run.sh", "--help").stdout
    assert "--condition mix_clean" in help_text
    assert "--tse_config" in help_text
