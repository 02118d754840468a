"""The mini recipe of self-supervised learning at a tiny size: all stages, second units, clean speech, options."""

import json

import numpy as np
import pytest

from toolkit.io.datadir import read_table
from toolkit.systems.ssl_encoder import SSLEncoder
from toolkit.systems.unit_file import read_units

CORPUS = "--train_speakers 4 --dev_speakers 2 --test_speakers 2 --babble_speakers 1 --utterances 3"
CORPUS += " --noises 1 --pieces 1 --rooms 1 --workers 1"
SMALL = "--model.init_args.dim 16 --model.init_args.heads 2 --model.init_args.hidden 16 --model.init_args.num_layers 2"
SMALL += " --model.init_args.position_kernel 9 --trainer.epochs 1 --trainer.workers 0 --batches.init_args.batch_size 4"
OPTIONS = ["--local_data_opts", CORPUS, "--ssl_args", SMALL, "--snrs", "5", "--clusters", "10", "--resamples", "20"]
OPTIONS += ["--nj", "1", "--inference_nj", "1"]
FIRST = [*OPTIONS, "--ssl_tag", "one"]
SETS = ("test4", "test4_noise_5")


@pytest.fixture(scope="module")
def recipe(tree):
    """The recipe after all its stages in one go."""
    folder = tree.copy("mini/ssl")
    done = tree.run(folder, "./run.sh", *FIRST, "--skip_packing", "false")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def test_scores_are_those_of_the_predictions(recipe):
    """A noisy set has the units of its clean speech, and its own masks."""
    folders = [recipe / f"exp/ssl_one/predictions/{name}" for name in SETS]
    clean, noisy = (read_table(folder / "utt2units") for folder in folders)
    assert clean.keys() == noisy.keys() == read_table(recipe / "data/test4/utt2spk").keys()
    agreement = [a == b for utt in clean for a, b in zip(clean[utt].split(), noisy[utt].split(), strict=True)]
    assert np.mean(agreement) > 0.95  # mixtures are rounded to 16 bits
    for name, folder in zip(SETS, folders, strict=True):
        targets, predicted = (read_table(folder / table) for table in ("utt2units", "utt2predicted"))
        shares = []
        for utt in targets:
            pairs = zip(targets[utt].split(), predicted[utt].split(), strict=True)
            shares.append(np.mean([unit == guess for unit, guess in pairs if guess != "-"]))
        result = json.loads((recipe / f"exp/ssl_one/scores/{name}/result.json").read_text())
        assert result["metrics"]["unit_accuracy"]["value"] == pytest.approx(100 * np.mean(shares))


def test_the_page_and_the_package(recipe):
    page = (recipe / "exp/RESULTS.md").read_text()
    for name in SETS:
        result = json.loads((recipe / f"exp/ssl_one/scores/{name}/result.json").read_text())
        assert f"| {name} | ssl_one | {result['metrics']['unit_accuracy']['value']:.2f}" in page
    system = SSLEncoder.load(recipe / "exp/ssl_one/packed.zip")
    assert system.network.num_clusters == read_units(recipe / "exp/ssl_units/train_mfcc_10/units.safetensors").num_units


def test_the_same_command_again_does_nothing(recipe, tree):
    done = tree.run(recipe, "./run.sh", *FIRST, "--stage", "2")
    assert done.returncode == 0, done.stderr
    for what in ("units", "statistics", "training"):
        assert f"{what}: done before" in done.stdout


def test_second_units_of_a_layer_and_clean_speech(recipe, tree):
    """The first network's layer 1 gives the units; WavLM's config and HuBERT's."""
    words = ["--targets_from", "exp/ssl_one", "--targets_layer", "1", "--ssl_tag", "two", "--ssl_config"]
    done = tree.run(recipe, "./run.sh", *OPTIONS, *words, "conf/train_hubert.yaml", "--stage", "4")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    config = (recipe / "exp/ssl_two/config.yaml").read_text()
    assert "units: exp/ssl_units/train_ssl_one_layer1_10/units.safetensors" in config
    assert "reference: wav" in config
    assert "ssl_two" in (recipe / "exp/RESULTS.md").read_text()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--clusters", "1"], "--clusters 1"),
        (["--targets_from", "exp/nosuch"], "--targets_from exp/nosuch"),
        (["--fs", "8000"], "--fs 8000"),
        (["--ssl_config", "conf/none.yaml"], "conf/none.yaml"),
        (["--stage", "7", "--ssl_tag", "nosuch"], "exp/ssl_nosuch"),
    ],
)
def test_wrong_options_are_named_before_any_work(recipe, tree, words, named):
    done = tree.run(recipe, "./run.sh", *FIRST, *words)
    assert done.returncode in (1, 2)
    assert named in done.stderr
    assert "stage 1" not in done.stdout
