"""Orders of tones: the first word is the action, the second the object."""

import pytest
import yaml
from helpers.songs import write_songs

from toolkit.io.datadir import read_table, write_table

SLOTS = {"first": ["LA", "MI", "SO", "RE"], "second": ["none", "LA", "MI", "SO", "RE"]}


def add_intents(path):
    """Write ``utt2intent`` of a data dir by its ``text``."""
    texts = {key: [*text.split(), "none"] for key, text in read_table(path / "text").items()}
    write_table(path / "utt2intent", {key: f"first={one} second={two}" for key, (one, two, *_) in texts.items()})
    return path


@pytest.fixture(scope="session")
def orders(tmp_path_factory):
    """``train`` of 12 orders, ``dev`` of 4 others."""
    root = tmp_path_factory.mktemp("orders")
    for seed, (name, count) in enumerate({"train": 12, "dev": 4}.items()):
        add_intents(write_songs(root / name, count, seed))
    return root


@pytest.fixture(scope="session")
def words(orders):
    """Command-line words of a training, but for --expdir and --valid_dirs."""
    config = {
        "task": "ic",
        "frontend": {"class_path": "KaldiFbank", "init_args": {"n_mels": 20}},
        "model": {"class_path": "MeanPoolIntent", "init_args": {"slots": SLOTS, "n_mels": 20, "projection": 16}},
        "batches": {"class_path": "BucketBatches", "init_args": {"max_size": 4}},
        "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 0.02}},
        "normalize": "none",
        "trainer": {"epochs": 2, "workers": 0, "threads": 1, "keep_best": 1},
    }
    (orders / "config.yaml").write_text(yaml.safe_dump(config))
    return ["ic", "--config", str(orders / "config.yaml"), "--train_dir", str(orders / "train")]
