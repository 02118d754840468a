"""Enhancement before verification: sv.sh --se_exp."""

import pytest
import torch

from toolkit.io.audio import AudioTable

from .conftest import MINI

ENHANCER = """\
from toolkit.models.se.base import SpeechEnhancer


class Gain(SpeechEnhancer):
    fs = 16000

    def __init__(self, gain: float = 1.0):
        super().__init__()
        self.gain = gain

    def forward(self, wav):
        return self.gain * wav
"""
# What the mini recipe's fixture has embedded already, of its trained system; the clean set and one condition.
OPTIONS = [*MINI, "--floor_config", "", "--calibrate", "false", "--test_noises", "noise", "--ood_noises", ""]
OPTIONS[OPTIONS.index("--snrs") + 1] = "0"


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """An enhancer that lets everything pass, at half the level."""
    own = tmp_path_factory.mktemp("own")
    (own / "own_enhancer.py").write_text(ENHANCER)
    experiment = own / "exp/se_half"
    experiment.mkdir(parents=True)
    experiment.joinpath("config.yaml").write_text("model: {class_path: own_enhancer.Gain, init_args: {gain: 0.5}}\n")
    return experiment


@pytest.fixture(scope="module")
def cascade(mini, tree, half):
    """The mini recipe with it."""
    words = [*OPTIONS, "--se_exp", str(half), "--trust", "true", "--stage", "7", "--stop_stage", "9"]
    folder = tree.adopt(mini[0])
    done = tree.run(folder, "./run.sh", *words, PYTHONPATH=str(half.parents[1]))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


def test_what_is_embedded_is_enhanced(cascade, monkeypatch):
    monkeypatch.chdir(cascade)
    for name in ("test", "test_noise_0"):
        before, after = AudioTable(f"dump/raw/{name}"), AudioTable(f"dump/se_half/{name}")
        assert before.keys() == after.keys()
        key = before.keys()[0]
        assert abs(before.read(key) * 0.5 - after.read(key)).max() < 1.01 / 32768
    (log,) = cascade.glob("exp/sv_*/embeddings_se_half/logs/embed.*/embed.1.log")
    assert "--in_root dump/se_half" in log.read_text()


def test_scores_with_and_without_stand_side_by_side(cascade):
    """The level is nothing to the embedder, so the scores are those without, but for the rounding to 16 bits."""
    (exp,) = cascade.glob("exp/sv_*trainer_epochs_1")
    for name in ("test", "test_noise_0"):
        raw, enhanced = (
            [float(line.split()[-1]) for line in (exp / folder / name / "scores.txt").read_text().splitlines()]
            for folder in ("scores", "scores_se_half")
        )
        assert enhanced == pytest.approx(raw, abs=0.02)
        assert enhanced != raw
    page = (cascade / "exp/RESULTS.md").read_text()
    assert f"\n| {exp.name} |" in page
    assert f"\n| {exp.name} (se_half) |" in page


def test_an_experiment_that_is_not_there_is_said(cascade, tree):
    done = tree.run(cascade, "./run.sh", *OPTIONS, "--se_exp", "../se/exp/se_none", "--stage", "7")
    assert done.returncode == 1
    assert "error: --se_exp ../se/exp/se_none: no such experiment, nor packed zip, of enhancement" in done.stderr


def test_a_verifier_is_fine_tuned_on_what_the_enhancer_makes(cascade, tree, half):
    (exp,) = cascade.glob("exp/sv_*trainer_epochs_1")
    tuned = "--trainer.epochs 1 --optimizer.init_args.lr 0 --data.class_path MixtureDataset "
    tuned += f"--init_from {exp}/valid.eer.ave.pth"
    words = [*OPTIONS, "--se_exp", str(half), "--trust", "true", "--train_enhanced", "true", "--sv_tag", "tuned"]
    words[words.index("--sv_args") + 1] = tuned
    for feats, stages in (("fbank", "4"), ("raw", "6")):
        more = ["--feats_type", feats, "--stage", "4", "--stop_stage", stages]
        done = tree.run(cascade, "./run.sh", *words, *more, PYTHONPATH=str(half.parents[1]))
        assert done.returncode == (feats != "raw"), done.stdout[-2000:] + done.stderr[-2000:]
    assert (
        "--train_dir dump/se_half/train_sim --valid_dirs '[dump/se_half/dev]'"
        in (cascade / "exp/sv_tuned/train.log").read_text()
    )
    before, after = (
        torch.load(path / "valid.eer.ave.pth", weights_only=True) for path in (exp, cascade / "exp/sv_tuned")
    )
    assert before.keys() == after.keys()
    for name, value in before.items():  # the rate is 0: it began with these
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(after[name], value)
