"""Words of tones: a tiny transcribed corpus."""

import pytest
import yaml
from helpers.songs import write_songs

from toolkit.bin import train_units


@pytest.fixture(scope="session")
def songs(tmp_path_factory):
    """``train`` of 12 utterances, ``dev`` of 4 others, ``char.model``."""
    root = tmp_path_factory.mktemp("songs")
    write_songs(root / "train", 12, 0)
    write_songs(root / "dev", 4, 1)
    train_units.main(["--output", str(root / "char.model"), str(root / "train")])
    return root


@pytest.fixture(scope="session")
def words(songs):
    """Command-line words of a training, but for --expdir and --valid_dirs."""
    network = {"num_units": 12, "n_mels": 20, "dim": 32, "heads": 2, "hidden": 64, "blocks": 2, "kernel_size": 7}
    network |= {"decoder_blocks": 1, "decoder_hidden": 64, "dropout": 0.0}
    config = {
        "task": "asr",
        "frontend": {"class_path": "KaldiFbank", "init_args": {"n_mels": 20}},
        "model": {"class_path": "Conformer", "init_args": network},
        "batches": {"class_path": "BucketBatches", "init_args": {"max_size": 3}},
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 3e-3}},
        "trainer": {"epochs": 2, "workers": 0, "threads": 1, "keep_best": 1},
    }
    (songs / "config.yaml").write_text(yaml.safe_dump(config))
    options = ["--config", str(songs / "config.yaml"), "--train_dir", str(songs / "train")]
    return ["asr", *options, "--units", str(songs / "char.model")]
