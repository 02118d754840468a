"""Enrolment models from make_trials through a stage, a simulation and the validation of a training."""

import shutil

import numpy as np
import pytest
import torch
import yaml

from toolkit.bin import make_trials, simulate_plan
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.command_line import run
from toolkit.io.datadir import read_table, write_table
from toolkit.io.enrolment import read_enroll2utt, read_sides
from toolkit.metrics.verification.error_rates import eer
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.mean_fbank import MeanFbank
from toolkit.systems.verifier import Verifier
from toolkit.tasks.verification.verification_task import ValidationTrials

UTT2SPK = {f"s{s}-{u}": f"s{s}" for s in range(6) for u in range(8)}


@pytest.fixture
def data(tmp_path):
    write_table(tmp_path / "utt2spk", UTT2SPK)
    write_table(tmp_path / "spk2gender", {f"s{s}": "fm"[s % 2] for s in range(6)})
    return tmp_path


def test_models_of_three_utterances(data, capsys):
    make_trials.main([str(data), "--enroll_utts", "3", "--targets_per_speaker", "8", "--nontargets_per_target", "2"])
    trials, sides = read_sides(data)
    assert (int(trials.is_target.sum()), len(trials)) == (6 * 8, 6 * 8 * 3)
    models = read_enroll2utt(data / "enroll2utt")
    assert {len(utts) for utts in models.values()} == {3}
    assert {trials.ids[i] for i in trials.enroll} == set(models)
    speakers = sides.speakers(UTT2SPK, "utt2spk")
    same = np.array(speakers)[sides.enroll] == np.array(speakers)[sides.test]
    assert (same == trials.is_target).all()
    make_trials.main([str(data), "--check"])
    assert "48 target and 96 non-target trials" in capsys.readouterr().out


def test_single_utterances_again_take_the_models_away(data):
    make_trials.main([str(data), "--enroll_utts", "3"])
    make_trials.main([str(data)])
    assert not (data / "enroll2utt").exists()
    make_trials.main([str(data), "--check"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--enroll_utts", "8"], "models of 8 utterances need two speakers, and a speaker with 9 utterances"),
        (["--enroll_utts", "0"], "--enroll_utts 0: must be a whole number from 1"),
    ],
)
def test_models_that_cannot_be_drawn(data, capsys, words, message):
    assert run(make_trials.main, [str(data), *words]) == 1
    assert message in capsys.readouterr().err


def test_lists_that_do_not_fit_are_found_before_any_work(data, capsys):
    make_trials.main([str(data), "--enroll_utts", "3"])
    table = read_table(data / "enroll2utt")
    write_table(data / "enroll2utt", dict(list(table.items())[1:]))
    assert run(make_trials.main, [str(data), "--check"]) == 1
    assert f"enroll2utt: lacks 1 of the trials' ids: {next(iter(table))};" in capsys.readouterr().err


@pytest.fixture
def dev(corpus, tmp_path):
    """The corpus' dev set, formatted, with models of two utterances."""
    shutil.copytree(corpus / "raw/dev", tmp_path / "raw/dev")
    make_trials.main([str(tmp_path / "raw/dev"), "--enroll_utts", "2", "--seed", "1"])
    return tmp_path / "raw/dev"


def test_noisy_sets_take_the_models_along(dev, corpus, tmp_path):
    noises = {"noise": {"data": [str(corpus / "raw/noise")]}}
    (tmp_path / "simulate.yaml").write_text(yaml.safe_dump({"planner": {"noises": noises}}))
    words = ["--config", str(tmp_path / "simulate.yaml"), "--data", str(dev), "--name", "dev", "--snrs", "[0]"]
    for _ in range(2):
        simulate_plan.main([*words, "--out_root", str(tmp_path / "data")])
        made = tmp_path / "data/dev_noise_0"
        assert (made / "enroll2utt").exists() == (dev / "enroll2utt").exists()
        if (dev / "enroll2utt").exists():
            assert (made / "enroll2utt").read_bytes() == (dev / "enroll2utt").read_bytes()
            (dev / "enroll2utt").unlink()  # a second plan is of single utterances: the table goes


def test_validation_scores_models(dev):
    torch.manual_seed(0)
    embedder = SpeakerEmbedder(KaldiFbank(), MeanFbank(), normalize="none")
    valid = ValidationTrials(str(dev), 16000)
    models, vectors = (
        read_enroll2utt(dev / "enroll2utt"),
        dict(Verifier(embedder).embed_table(valid.audio, valid.audio.keys())),
    )
    unit = {utt: vector / np.linalg.norm(vector) for utt, vector in vectors.items()}
    scores = []
    for model, utt in valid.trials.pairs():
        mean = sum(unit[member] for member in models[model])
        scores.append(mean @ unit[utt] / np.linalg.norm(mean))
    scores, is_target = np.array(scores), valid.trials.is_target
    assert valid.eer(embedder) == pytest.approx(100 * eer(scores[is_target], scores[~is_target])[0], abs=1e-3)
