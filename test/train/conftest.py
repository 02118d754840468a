"""A trained experiment over tables of its own, which tests copy and change."""

import shutil
from pathlib import Path

import pytest
import yaml

from toolkit.bin import train
from toolkit.systems.verifier import Verifier
from toolkit.train.checkpoint import save

WORDS = ["--config", "c.yaml", "--train_dir", "raw/train", "--valid_dirs", "[raw/dev]", "--expdir", "exp"]
NETWORK = {"channels": 8, "mfa_channels": 8, "embedding_dim": 4, "se_channels": 4, "attention_channels": 4, "scale": 2}


def go_on(*more) -> None:
    """Train, or go on, in the present folder."""
    train.main(["sv", *WORDS, *more])


@pytest.fixture(scope="session")
def once_trained(corpus, tmp_path_factory) -> Path:
    """A folder with ``raw/``, ``c.yaml`` and ``exp/``, trained for one epoch; paths in it are relative."""
    root = tmp_path_factory.mktemp("trained")
    for name in ("train", "dev", "noise"):
        shutil.copytree(corpus / "raw" / name, root / "raw" / name)
        scp = root / "raw" / name / "wav.scp"
        scp.write_text(scp.read_text().replace(f"{corpus}/", ""))
    planner = {"noises": {"noise": {"data": ["noise"]}}}
    config = {
        "model": {"class_path": "toolkit.models.sv.ecapa_tdnn.EcapaTdnn", "init_args": NETWORK},
        "data": {"class_path": "toolkit.data.datasets.MixtureDataset", "init_args": {"planner": planner}},
        "batches": {
            "class_path": "toolkit.data.batches.CropBatches",
            "init_args": {"batch_size": 8, "crop_seconds": [0.3, 0.3]},
        },
        "init_from": "start.pth",
        "trainer": {"epochs": 1, "workers": 0, "threads": 1},
    }
    (root / "c.yaml").write_text(yaml.safe_dump(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        save(Path("start.pth"), Verifier.build("c.yaml").state_dict())
        go_on()
    return root


@pytest.fixture
def trained(once_trained, tmp_path, monkeypatch) -> Path:
    """A copy of it, which is the present folder."""
    root = shutil.copytree(once_trained, tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(root)
    return root
