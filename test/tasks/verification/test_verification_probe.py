"""A probe of verification on a tiny SSL model: x-vector and AM-softmax on its layers."""

import numpy as np
import pytest
import torch
import yaml

from toolkit import Verifier
from toolkit.bin import train
from toolkit.io.datadir import read_table
from toolkit.models.ssl import wav2vec2
from toolkit.models.ssl.wav2vec2 import Untrained
from toolkit.systems.packing import pack


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """A published model with small sizes, by the file of its weights."""
    network = Untrained(num_layers=2)
    kind = wav2vec2._Kind(lambda: network.load().model, "WAVLM_BASE_PLUS", 2, False, 16)
    monkeypatch.setitem(wav2vec2.KINDS, "wavlm_base_plus", kind)
    torch.save(Untrained(num_layers=2, seed=1).load().model.state_dict(), tmp_path / "weights.pth")
    return {"class_path": "Pretrained", "init_args": {"weights": str(tmp_path / "weights.pth")}}


def test_a_probe_of_verification(tiny, corpus, tmp_path):
    """Once it is trained, the file of the model's weights may go."""
    sizes = {"n_mels": 16, "projection": 32, "channels": 32, "pooled_channels": 48, "embedding_dim": 32}
    config = {
        "task": "sv",
        "frontend": {"class_path": "SSLFeatures", "init_args": {"ssl": tiny}},
        "normalize": "none",
        "model": {"class_path": "XVector", "init_args": sizes},
        "loss": {"class_path": "AMSoftmax", "init_args": {"output": "embedding_b"}},
        "data": {"class_path": "MixtureDataset"},
        "batches": {"class_path": "CropBatches", "init_args": {"batch_size": 8, "crop_seconds": [0.5, 0.5]}},
        "trainer": {"epochs": 1, "workers": 0, "threads": 1, "keep_best": 1},
    }
    (tmp_path / "probe.yaml").write_text(yaml.safe_dump(config))
    words = ["sv", "--config", tmp_path / "probe.yaml", "--train_dir", corpus / "raw/train"]
    train.main([*map(str, words), "--valid_dirs", f"[{corpus / 'raw/dev'}]", "--expdir", str(tmp_path / "exp")])
    weights = torch.load(tmp_path / "weights.pth")
    (tmp_path / "weights.pth").unlink()
    pack(tmp_path / "exp", tmp_path / "packed.zip")
    file = next(iter(read_table(corpus / "data/dev/wav.scp").values()))
    whole, packed = (Verifier.load(tmp_path / name) for name in ("exp", "packed.zip"))
    np.testing.assert_array_equal(whole.embed(file), packed.embed(file))
    assert whole.network.frontend.layer_logits.any()
    kept = whole.network.frontend.ssl.model.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in weights.items())
