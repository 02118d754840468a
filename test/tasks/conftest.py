"""A small training config over the shared corpus."""

import pytest
import yaml


@pytest.fixture(scope="session")
def config_text(corpus):
    """A config that trains in seconds."""
    network = {"channels": 16, "mfa_channels": 24, "embedding_dim": 8, "se_channels": 4, "attention_channels": 4}
    network |= {"scale": 2}  # a step and a checkpoint take time by the layer
    values = {
        "model": {"class_path": "toolkit.models.sv.ecapa_tdnn.EcapaTdnn", "init_args": network},
        "specaugment": {"freq_width": 4},
        "data": {
            "class_path": "toolkit.data.datasets.MixtureDataset",
            "init_args": {"planner": {"noises": {"noise": {"data": [str(corpus / "raw/noise")]}}, "noise_prob": 0.5}},
        },
        "batches": {
            "class_path": "toolkit.data.batches.CropBatches",
            "init_args": {"batch_size": 4, "crop_seconds": [0.4, 0.6]},
        },
        "trainer": {"epochs": 3, "workers": 0, "threads": 1, "keep_best": 2},
    }
    return yaml.safe_dump(values)


@pytest.fixture
def config(config_text, tmp_path):
    """Path of such a config that the test may change."""
    path = tmp_path / "config.yaml"
    path.write_text(config_text)
    return path


@pytest.fixture(scope="session")
def options(config_text, corpus, tmp_path_factory):
    """Command-line words of a training run, but for --expdir."""
    config = tmp_path_factory.mktemp("training") / "config.yaml"
    config.write_text(config_text)
    dirs = ["--train_dir", str(corpus / "raw/train"), "--valid_dirs", f"[{corpus / 'raw/dev'}]"]
    return ["--config", str(config), *dirs]
