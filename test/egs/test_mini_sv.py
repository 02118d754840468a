"""The mini recipe from nothing to its table, at a tiny size; reruns; options."""

import json
import shutil
from dataclasses import fields

import numpy as np
import pytest
import soundfile

from toolkit.io.audio import AudioTable
from toolkit.io.datadir import read_table
from toolkit.recipes import Sv

from .conftest import MINI

TAG = "train_ecapa_fbank_trainer_epochs_1"


@pytest.fixture(scope="module")
def recipe(mini, tree):
    """The recipe after one whole run."""
    return tree.adopt(mini[0])


def test_every_stage_leaves_what_it_promises(recipe):
    exp = recipe / "exp/sv_train_ecapa_fbank_trainer_epochs_1"
    for made in ("config.yaml", "train.log", "metrics.jsonl", "valid.eer.ave.pth", "results.json", "packed.zip"):
        assert (exp / made).is_file(), made
    assert sorted(p.name for p in (exp / "plots").iterdir()) == ["det.png", "eer_by_snr.png", "training.png"]
    assert (recipe / "exp/sv_stats_fbank/train_sim/stats.json").is_file()


def test_stage_6_ends_with_the_validation_of_every_epoch(recipe):
    log = (recipe / "first.log").read_text()
    assert log.count("\n    epoch 1/1 valid: eer ") == 1
    assert log.index("stage 6:") < log.index("epoch 1/1 valid") < log.index("stage 7:")


def test_the_table_holds_every_condition_and_the_floor(recipe):
    page = (recipe / "exp/RESULTS.md").read_text()
    assert "mean_fbank" in page
    conditions = {p.name for p in (recipe / "exp/mean_fbank/scores").iterdir()}
    noisy = {f"test_{kind}_{snr}" for kind in ("babble", "music", "noise", "ood") for snr in (0, 20)}
    assert conditions == {"test", *noisy}
    for name in conditions:
        assert f"| {name} |" in page


def test_ids_in_are_ids_out(recipe):
    ids = set(read_table(recipe / "data/test/utt2spk"))
    for name in ("test", "test_noise_0", "test_babble_20"):
        assert set(read_table(recipe / f"dump/raw/{name}/wav.scp")) == ids
    assert len(read_table(recipe / "dump/fbank/train_sim/feats.scp")) == 2 * 32


def test_noisy_sets_hold_the_clean_speech_at_the_planned_snr(recipe, monkeypatch):
    monkeypatch.chdir(recipe)
    clean, noisy = AudioTable("dump/raw/test"), AudioTable("dump/raw/test_noise_20")
    key = noisy.keys()[0]
    noise = noisy.read(key) - clean.read(key)
    snr = 10 * np.log10(np.mean(clean.read(key) ** 2) / np.mean(noise**2))
    assert 17 < snr < 21  # the level is that of the active part, so the whole file's SNR lies a little below 20 dB


def test_the_same_command_again_redoes_nothing_and_changes_nothing(recipe, tree):
    before = (recipe / "exp/mean_fbank/scores/test/metrics.json").read_text()
    arks = {p: p.stat().st_mtime_ns for p in recipe.glob("dump/*/*/data/*.ark")}
    done = tree.run(recipe, "./run.sh", *MINI, "--stage", "2", "--stop_stage", "8")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("all done before") >= 6
    assert "scoring: all done before: dev" in done.stdout
    assert "scoring: all done before: test test_babble_0" in done.stdout
    assert {p: p.stat().st_mtime_ns for p in recipe.glob("dump/*/*/data/*.ark")} == arks
    assert (recipe / "exp/mean_fbank/scores/test/metrics.json").read_text() == before
    assert "training: done before" in done.stdout
    assert any("epoch 1/1 step" in log.read_text() for log in recipe.glob("exp/sv_train*/train*.log"))


def test_a_dry_run_does_nothing(recipe, tree):
    before = {p: p.stat().st_mtime_ns for p in recipe.rglob("*")}
    done = tree.run(recipe, "./run.sh", *MINI, "--dry_run", "true", "--expdir", "nowhere", cmd_backend="slurm")
    assert done.returncode == 0
    assert "training: utils/slurm.pl --num-threads 1, --ngpu 0 --num_nodes 1" in done.stdout
    assert "render: all done before: train_sim test_babble_0" in done.stdout
    assert "training: to do, epochs 0 -> 1" in done.stdout
    assert f"sbatch --export=ALL --job-name nowhere/sv_{TAG} --cpus-per-task 1 --open-mode=append" in done.stdout
    assert "embed -> nowhere/mean_fbank/embeddings: to do: test test_babble_0" in done.stdout
    assert (shutil.which("sbatch") is None) == ("sbatch not found" in done.stdout)
    assert [f"stage {n}:" in done.stdout for n in range(1, 10)] == [True] * 9
    assert " line " not in done.stderr
    assert {p: p.stat().st_mtime_ns for p in recipe.rglob("*")} == before


def test_changed_audio_is_noticed(recipe, tree):
    scp = dict(line.split() for line in (recipe / "data/dev/wav.scp").read_text().splitlines())
    key = min(scp)
    samples, rate = soundfile.read(recipe / scp[key])
    soundfile.write(recipe / scp[key], samples[: rate // 2], rate)
    done = tree.run(recipe, "./run.sh", *MINI, "--stage", "2", "--stop_stage", "2")
    soundfile.write(recipe / scp[key], samples, rate)
    assert done.returncode == 0, done.stderr[-2000:]
    assert read_table(recipe / "dump/raw/dev/utt2dur")[key] == "0.5000"


def test_another_number_of_jobs_and_another_folder_give_the_same_samples(recipe, tree, monkeypatch):
    monkeypatch.chdir(recipe)
    one = AudioTable("dump/raw/test_babble_0")
    done = tree.run(recipe, "./run.sh", *MINI, "--stage", "2", "--stop_stage", "3", "--nj", "4", "--dumpdir", "dump2")
    assert done.returncode == 0, done.stderr[-2000:]
    four = AudioTable("dump2/raw/test_babble_0")
    assert one.keys() == four.keys()
    assert all(np.array_equal(one.read(key), four.read(key)) for key in one.keys())


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--no_such_option", "1"], 1, "no_such_option"),
        (["--sv_config", "conf/none.yaml"], 1, "conf/none.yaml: no such file"),
        (["--feats_type", "mfcc"], 1, "must be raw or fbank"),
        (["--scoring", "dot"], 1, "must be cosine, mean_cosine or neg_euclidean"),
        (["--score_norm", "q_norm"], 1, "must be none, z_norm, t_norm, s_norm or as_norm"),
        (["--score_norm", "as_norm", "--scoring", "neg_euclidean"], 1, "cannot be used with --scoring neg_euclidean"),
        (["--test_sets", ""], 1, "--test_sets are needed"),
        (["positional"], 1, "positional: only options are understood"),
        (["--stage", "x"], 1, "must be numbers"),
        (["--stage", "5", "--stop_stage", "3"], 1, "comes after --stop_stage 3"),
        (["--stage", "11"], 1, "there are 10 stages"),
        (["--feats_type", "raw"], 1, "trains from features: give --feats_type fbank"),
        (["--sv_config", "conf/train_paranoise_enc.yaml"], 1, "trains from audio: give --feats_type raw"),
        (
            ["--sv_config", "conf/train_paranoise_enc.yaml", "--feats_type", "raw"],
            1,
            'has added noise before; give --simulate_train_config ""',
        ),
        (["--sv_tag", "a b"], 1, "--sv_tag a b: a b must be a name of a folder"),
        (["--skip_stages", "four"], 1, "--skip_stages four: four must be a whole number from 0"),
        (["--nj", "two"], 1, "--nj two: two must be a whole number from 1"),
        (["--snrs", "0 abc"], 1, "--snrs 0 abc: abc must be a number"),
        (
            ["--breakdown", "nonsense", "--stage", "2"],
            1,
            "--breakdown nonsense: must be gender, duration, or a table",
        ),
        (["--calibration_set", "devv"], 1, "set devv not found in dump/raw"),
        (["--top_n", "5"], 1, "none is given (--score_norm as_norm)"),
        (["--inference_model", "valid.err.ave.pth"], 1, "must be valid.eer.ave.pth"),
        (["--test_sets", "test,dev"], 1, 'separate by spaces: --test_sets "test dev"'),
        (["--floor_config", "conf/none.yaml"], 1, "--floor_config conf/none.yaml: no such file"),
        (["--sv_args", "--trainer.epochs 1 --seed 1", "--sv_tag", TAG], 1, "config: seed 0 -> 1"),
        (["--sv_args", "--trainer.epoch 3"], 1, "--trainer.epoch 3"),
        (["--test_noises", "bable"], 1, "--kinds bable: the config knows babble, music, noise, ood"),
        (["--stage", "7", "--sv_tag", "nosuch"], 1, "exp/sv_nosuch: no such experiment; train it first"),
        (["--stage", "2", "--stop_stage", "2", "--dumpdir", "/proc/none"], 1, "cannot create directory"),
    ],
)
def test_wrong_options_are_said(recipe, tree, words, code, message):
    done = tree.run(recipe, "./run.sh", *words)
    assert done.returncode == code
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_help_names_every_option(recipe, tree):
    done = tree.run(recipe, "./run.sh", "--help")
    assert done.returncode == 0
    options = [option.name for option in fields(Sv)]
    assert {"stage", "results", "fs", "duration_edges"} < set(options)
    assert len(options) > 50
    assert [o for o in options if f"--{o}" not in done.stdout] == []


def test_other_ways_of_scoring(recipe, tree):
    """Segments, normalised by the training speakers, calibrated, by groups; of the clean set alone."""
    way = ["--score_norm", "as_norm", "--scoring", "mean_cosine", "--num_segments", "3", "--segment_seconds", "1"]
    options = ["--test_noises", "", "--ood_noises", "", "--breakdown", "gender duration", "--top_n", "5"]
    done = tree.run(recipe, "./run.sh", *MINI, "--stage", "7", "--stop_stage", "9", *way, *options)
    assert done.returncode == 0, done.stderr[-2000:]
    actual = json.loads((recipe / "exp/mean_fbank/scores_mean_cosine_3x1_as_norm_top5/test/metrics.json").read_text())
    assert actual["scoring"] == {
        "scoring": "mean_cosine",
        "score_norm": "as_norm",
        "segments": "3 segments",
        "cohort": "8 speakers",
        "top_n": 5,
    }
    assert set(actual["breakdown"]) == {"gender", "duration"}
    assert {"act_dcf_0.01", "act_dcf_0.05", "cllr", "min_cllr"} < set(actual["metrics"])
    page = (recipe / "exp/RESULTS.md").read_text()
    for heading in ("## Compared with", "## Calibration", "## Groups of trials"):
        assert heading in page
    for way in ("", " (mean_cosine_3x1_as_norm_top5)"):  # the former scores stand beside them
        assert f"\n| mean_fbank{way} |" in page


def test_a_scp_that_points_nowhere_stops_stage_2_by_name(recipe, tree):
    scp = recipe / "data/dev/wav.scp"
    whole = scp.read_text()
    key = whole.split()[0]
    scp.write_text(whole.replace(whole.split("\n")[0], f"{key} gone.wav"))
    done = tree.run(recipe, "./run.sh", *MINI, "--stage", "2", "--stop_stage", "2", "--dumpdir", "dump3")
    scp.write_text(whole)
    assert done.returncode == 1
    assert f"{key}: gone.wav: no such file" in done.stderr
    assert not (recipe / "dump3/raw/dev/wav.scp").exists()
