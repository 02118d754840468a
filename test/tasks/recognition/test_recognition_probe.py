"""A probe of recognition on a tiny SSL model: it trains, resumes exactly, and needs nothing but its own files."""

import pytest
import torch
import yaml

from toolkit import Recognizer
from toolkit.bin import train
from toolkit.io.datadir import read_table
from toolkit.systems.packing import pack
from toolkit.train.checkpoint import load


@pytest.fixture(scope="module")
def probe_words(words, songs):
    """Those of a training, but for --expdir."""
    ssl = {"class_path": "Untrained", "init_args": {"dim": 16, "num_layers": 2}}
    sizes = {"num_units": 12, "n_mels": 16, "projection": 8, "hidden": 8}
    config = {
        "base": str(songs / "config.yaml"),
        "frontend": {"class_path": "SSLFeatures", "init_args": {"ssl": ssl}},
        "normalize": "none",
        "model": {"class_path": "BlstmCtc", "init_args": sizes},
        "loss": {"class_path": "CTCAttention", "init_args": {"ctc_weight": 1.0}},
    }
    (songs / "probe.yaml").write_text(yaml.safe_dump(config))
    return [*words, "--config", str(songs / "probe.yaml"), "--valid_dirs", f"[{songs / 'dev'}]"]


def test_a_probe_of_recognition(probe_words, songs, tmp_path):
    train.main([*probe_words, "--expdir", str(tmp_path / "whole")])
    train.main([*probe_words, "--expdir", str(tmp_path / "parts"), "--trainer.epochs", "1"])
    train.main([*probe_words, "--expdir", str(tmp_path / "parts")])
    whole, parts = (load(tmp_path / name / "checkpoint/last.pt")["task"] for name in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)
    assert whole["network.frontend.layer_logits"].any()  # it has learned
    pack(tmp_path / "whole", tmp_path / "packed.zip")
    file = next(iter(read_table(songs / "train/wav.scp").values()))
    texts = [Recognizer.load(tmp_path / name).transcribe(file, method="ctc_greedy") for name in ("whole", "packed.zip")]
    assert texts[0] == texts[1]
