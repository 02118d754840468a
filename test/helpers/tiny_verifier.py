"""An experiment in speaker verification that is not trained."""

from pathlib import Path

import torch
import yaml

from toolkit.systems.verifier import Verifier
from toolkit.train.checkpoint import save

SIZES = {"n_mels": 8, "channels": 8, "mfa_channels": 8, "embedding_dim": 4, "se_channels": 4, "attention_channels": 4}


def verifier(folder: Path, seed: int) -> Verifier:
    """Make it, and load it: an ECAPA-TDNN with embeddings of four numbers."""
    torch.manual_seed(seed)
    folder.mkdir()
    encoder = {"class_path": "EcapaTdnn", "init_args": {**SIZES, "scale": 2}}
    frontend = {"class_path": "KaldiFbank", "init_args": {"n_mels": 8}}
    config = {"task": "sv", "frontend": frontend, "model": encoder, "normalize": "mean"}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    save(folder / "valid.eer.ave.pth", Verifier.build(folder / "config.yaml").state_dict())
    return Verifier.load(folder)
