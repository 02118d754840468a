"""A probe of verification on a tiny SSL model: x-vector and AM-softmax on its layers."""

import numpy as np
import yaml

from toolkit import Verifier
from toolkit.bin import train
from toolkit.io.datadir import read_table
from toolkit.systems.packing import pack


def test_a_probe_of_verification(corpus, tmp_path):
    ssl = {"class_path": "Untrained", "init_args": {"dim": 16, "num_layers": 2}}
    sizes = {"n_mels": 16, "projection": 32, "channels": 32, "pooled_channels": 48, "embedding_dim": 32}
    config = {
        "task": "sv",
        "frontend": {"class_path": "SSLFeatures", "init_args": {"ssl": ssl}},
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
    pack(tmp_path / "exp", tmp_path / "packed.zip")
    file = next(iter(read_table(corpus / "data/dev/wav.scp").values()))
    whole, packed = (Verifier.load(tmp_path / name) for name in ("exp", "packed.zip"))
    np.testing.assert_array_equal(whole.embed(file), packed.embed(file))
    assert whole.network.frontend.layer_logits.any()
