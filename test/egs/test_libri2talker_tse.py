"""The Libri-2talker recipe on corpora in miniature: embeddings of enrolments by --sv_exp, from lists to audio."""

import shutil

import numpy as np
import pytest
import yaml
from helpers.libri2mix_corpora import write_corpora, write_lists
from helpers.tiny_verifier import verifier

from toolkit.io.ark import read_array
from toolkit.io.audio import AudioTable
from toolkit.io.datadir import read_table

TINY = "--model.init_args.window 64 --model.init_args.hop 32 --model.init_args.channels [2,2,2]"
TINY += " --model.init_args.local_hidden 2 --data.init_args.enroll_seconds [0.3,0.3] --trainer.epochs 1"
TINY += " --batches.init_args.batch_size 4 --batches.init_args.crop_seconds [0.3,0.3] --trainer.workers 0"
WORDS = [
    "--tse_args",
    TINY,
    "--local_data_opts",
    "--partial",
    "--nj",
    "2",
    "--inference_nj",
    "1",
    "--metrics",
    "si_sdr",
]
WORDS += ["--resamples", "20", "--absent", "false", "--tse_tag", "tiny"]


@pytest.fixture(scope="module")
def recipe(tree, tmp_path_factory):
    """The recipe after its stages up to inference, the embeddings made by a verifier beside it."""
    corpora = write_corpora(tmp_path_factory.mktemp("corpora"))
    write_lists(corpora)
    metadata = corpora / "LibriMix/metadata/Libri2Mix/libri2mix_test-clean.csv"
    shutil.copy(metadata, corpora / "LibriSpeech/libri2mix_test-clean_subset.csv")  # what db.sh has for test_libri2mix
    folder = tree.copy("libri2talker/tse")
    tree.copy("libri2mix/tse")
    verifier(folder / "sv_x", 0)
    words = ["--planned_test_sets", "test_libri2mix", "--source_sets"]
    words += ["librispeech_train librispeech_test librispeech_test_libri2mix", "--sv_exp", "sv_x", "--stop_stage", "7"]
    done = tree.run(folder, "./run.sh", *WORDS, *words, CORPORA=str(corpora))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def test_training_reads_embeddings_of_whole_enrolments(recipe, monkeypatch):
    monkeypatch.chdir(recipe)
    vectors = read_table("dump/embed/sv_x/librispeech_train/embedding.scp")
    audio = AudioTable("dump/raw/librispeech_train")
    assert set(vectors) == set(audio.keys()) >= set(read_table("dump/raw/train/utt2enroll").values())
    key = audio.keys()[3]
    ((_, expected),) = verifier(recipe / "again", 0).embed_table(audio, [key])
    np.testing.assert_allclose(read_array(vectors[key], key), expected, atol=1e-5)
    config = yaml.safe_load((recipe / "exp/tse_tiny/config.yaml").read_text())
    assert config["data"]["init_args"]["embeddings"] == "dump/embed/sv_x"
    assert config["model"]["init_args"]["speaker_encoder"]["init_args"]["system"] == "sv_x"


def test_both_talkers_of_every_mixture_are_extracted(recipe):
    for name in ("test", "test_libri2mix"):
        assert len(read_table(recipe / f"exp/tse_tiny/extracted/{name}/wav.scp")) == 12


def test_a_network_without_a_global_representation_ignores_the_option(recipe, tree):
    words = [*WORDS, "--sv_exp", "sv_x", "--tse_config", "conf/train_lgr_local.yaml", "--tse_tag", "local"]
    done = tree.run(recipe, "./run.sh", *words, "--dry_run", "true", "--stage", "4", "--stop_stage", "6")
    assert done.returncode == 0, done.stderr
    assert "the network reads audio" in done.stdout
    assert "speaker_encoder" not in done.stdout


def test_a_training_can_start_from_weights_that_hold_an_encoder(recipe, tree):
    words = ["--tse_args", f"{TINY} --init_from exp/tse_tiny/valid.loss.ave.pth", "--sv_exp", "sv_x", "--tse_tag", "on"]
    done = tree.run(recipe, "./run.sh", *WORDS, *words, "--dry_run", "true", "--stage", "6", "--stop_stage", "6")
    assert done.returncode == 0, done.stderr


def test_an_encoder_without_training_is_named_by_its_config(recipe, tree):
    config = {"frontend": {"class_path": "LogMelSpectrogram", "init_args": {"n_mels": 8}}, "normalize": "none"}
    (recipe / "conf/mean.yaml").write_text(
        yaml.safe_dump(config | {"model": {"class_path": "MeanFbank", "init_args": {"n_mels": 8}}})
    )
    words = [*WORDS, "--extractor_config", "conf/mean.yaml", "--tse_tag", "mean", "--stage", "4", "--stop_stage", "6"]
    done = tree.run(recipe, "./run.sh", *words)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    config = yaml.safe_load((recipe / "exp/tse_mean/config.yaml").read_text())
    assert config["model"]["init_args"]["speaker_encoder"]["init_args"]["system"] == "exp/mean"


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_missing_embeddings_are_said_before_any_work(tree, recipe, tmp_path, dry_run):
    data = recipe / "none"
    done = tree.run(recipe, "./run.sh", *WORDS, "--dumpdir", str(data), "--tse_tag", "new", "--dry_run", dry_run)
    assert done.returncode == 1
    assert "error: data.init_args.embeddings: is missing" in done.stderr
    assert "--sv_exp or --extractor_config" in done.stderr
    assert not data.exists()
