"""Units and a config over words of tones, in noise and with a second talker."""

import pytest
import yaml
from helpers.songs import write_songs

from toolkit.bin import cluster_frames


@pytest.fixture(scope="session")
def songs(tmp_path_factory):
    """``train`` of 40 utterances, ``dev`` of 4 others, ``units.safetensors`` of MFCC."""
    root = tmp_path_factory.mktemp("songs")
    write_songs(root / "train", 40, 0)
    write_songs(root / "dev", 4, 1)
    words = ["--clusters", "8", "--output", str(root / "units.safetensors"), "--restarts", "2"]
    cluster_frames.main([*words, str(root / "train")])
    return root


@pytest.fixture(scope="session")
def words(songs, corpus):
    """Command-line words of a training, but for --expdir."""
    sizes = {"n_mels": 20, "dim": 32, "heads": 2, "hidden": 64, "num_layers": 2, "position_kernel": 9, "projection": 16}
    sizes |= {"mask_prob": 0.15, "mask_length": 3}  # shorter than a tone, so that its rest tells the masked frames
    noises = {
        "noise": {"data": [str(corpus / "raw/noise")], "snr": [0, 20]},
        "talker": {"data": [str(songs / "train")], "snr": [5, 20]},
    }
    config = {
        "task": "ssl",
        "model": {"class_path": "LogMelHubert", "init_args": {**sizes, "num_clusters": 8, "dropout": 0.0}},
        "data": {"class_path": "MixtureDataset", "init_args": {"planner": {"noises": noises, "noise_prob": 0.5}}},
        "batches": {"class_path": "CropBatches", "init_args": {"batch_size": 8, "crop_seconds": [0.6, 0.8]}},
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.005}},
        "schedule": {"class_path": "Constant"},
        "trainer": {"epochs": 2, "workers": 0, "threads": 1, "keep_best": 1},
    }
    (songs / "config.yaml").write_text(yaml.safe_dump(config))
    dirs = ["--train_dir", str(songs / "train"), "--valid_dirs", f"[{songs / 'dev'}]"]
    return ["ssl", "--config", str(songs / "config.yaml"), *dirs, "--units", str(songs / "units.safetensors")]
