"""Pairs of embeddings whose noise can be taken away, and an experiment trained on them."""

import numpy as np
import pytest
import yaml
from helpers.embedding_pairs import write_pairs

from toolkit.bin import train
from toolkit.io.extractors import write_extractor

DIM = 8
EXTRACTOR = {"extractor": "toy", "class": "Toy", "dim": DIM, "fs": 16000, "digest": "0123"}
SEED_CONFIG = {
    "model": {"class_path": "SEED", "init_args": {"dim": DIM, "train_norm": "sqrt_dim"}},
    "batches": {"class_path": "CropBatches", "init_args": {"batch_size": 32}},
    "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.005}},
    "trainer": {"epochs": 12, "workers": 0, "threads": 1, "keep_best": 2},
}


def rows_of(seed: int, utterances: int = 80) -> np.ndarray:
    """(U, 3, D): clean vectors in four of the dimensions; noise moves all variants in the other four."""
    rng = np.random.default_rng(seed)
    clean = np.concatenate([rng.standard_normal((utterances, 4)), np.zeros((utterances, 4))], 1)
    noise = np.concatenate([np.zeros((utterances, 2, 4)), rng.standard_normal((utterances, 2, 4))], 2)
    return np.concatenate([clean[:, None], clean[:, None] + noise], 1).astype(np.float32)


def train_ee(root, expdir, *more: str) -> None:
    """Train, or go on."""
    words = ["--config", root / "c.yaml", "--train_dir", root / "train", "--valid_dirs", f"[{root / 'dev'}]"]
    train.main(["ee", *map(str, words), "--expdir", str(expdir), *more])


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    """A folder with train and dev, and a config ``c.yaml``."""
    root = tmp_path_factory.mktemp("pairs")
    for number, name in enumerate(("train", "dev")):
        (root / name).mkdir()
        write_extractor(write_pairs(root / name, rows_of(number)), EXTRACTOR)
    (root / "c.yaml").write_text(yaml.safe_dump(SEED_CONFIG))
    return root


@pytest.fixture(scope="session")
def trained(pairs, tmp_path_factory):
    """The experiment."""
    expdir = tmp_path_factory.mktemp("exp") / "ee_toy"
    train_ee(pairs, expdir)
    return expdir
