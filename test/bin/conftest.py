"""Folders of recordings, as a user has them."""

import json

import numpy as np
import pytest
import soundfile
import yaml
from helpers.scored_trials import PAIRS, UTT2SPK, embeddings, write_embeddings, write_trials

from toolkit.bin import simulate_plan
from toolkit.bin.score_trials import main
from toolkit.io.datadir import write_table


@pytest.fixture
def folder(tmp_path):
    """Ten speakers with three files each, five noises."""
    for speaker in range(10):
        for utt in range(3):
            path = tmp_path / f"speech/talker{speaker}/s {utt}/a.wav"
            path.parent.mkdir(parents=True)
            soundfile.write(path, np.zeros(160), 16000)
    for noise in range(5):
        path = tmp_path / f"noise/deep/n{noise}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(160), 16000)
    return tmp_path


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """Two impulse responses of one room."""
    path = tmp_path_factory.mktemp("rooms")
    rng = np.random.default_rng(0)
    for key in ("r0", "r1"):
        soundfile.write(path / f"{key}.wav", np.r_[np.zeros(30), 0.8, 0.05 * rng.standard_normal(2000)], 16000)
    write_table(path / "wav.scp", {key: path / f"{key}.wav" for key in ("r0", "r1")})
    write_table(path / "utt2spk", dict.fromkeys(("r0", "r1"), "room"))
    return path


@pytest.fixture
def plan(corpus, tmp_path):
    """``plan(set, name, *options)``: plan mixtures of a set of the corpus with two kinds of noise -> tmp_path/data."""
    noises = {
        "noise": {"data": [str(corpus / "raw/noise")], "snr": [0, 10]},
        "babble": {"data": [str(corpus / "raw/train")], "talkers": [2, 3]},
    }
    (tmp_path / "simulate.yaml").write_text(yaml.safe_dump({"planner": {"noises": noises}, "seed": 3}))

    def _plan(source, name, *options, root="data"):
        command = ["--config", tmp_path / "simulate.yaml", "--data", corpus / "raw" / source, "--name", name]
        simulate_plan.main([str(word) for word in (*command, "--out_root", tmp_path / root, *options)])
        return tmp_path / root / name

    return _plan


@pytest.fixture
def score_trials(tmp_path):
    """Embeddings, trials and speakers in tmp_path; call it to score them."""
    write_embeddings(tmp_path, embeddings())
    write_trials(tmp_path / "trials", PAIRS)
    write_table(tmp_path / "utt2spk", UTT2SPK)

    def score(*more):
        inputs = ["--trials", "trials", "--embeddings", "embedding.scp", "--utt2spk", "utt2spk"]
        paths = [word if word.startswith("-") else str(tmp_path / word) for word in inputs]
        main([*paths, "--output", str(tmp_path / "out"), "--resamples", "50", *more])
        return json.loads((tmp_path / "out/metrics.json").read_text())

    return score
