"""Configs of SUPERB's probes: each is accepted, has the heads of the benchmark, and learns the sum over all layers."""

from pathlib import Path

import pytest

from toolkit.bin import train
from toolkit.io.config import load_config
from toolkit.metrics.cost.complexity import count_parameters
from toolkit.models.ssl.wav2vec2 import Pretrained, Untrained
from toolkit.systems.kinds import system_class

SUPERB = Path(__file__).parents[2] / "egs/superb"
CONFIGS = sorted(SUPERB.glob("*/conf/probe_*.yaml"))
LSTM = 2 * 4 * 1024 * (1024 + 1024 + 2) + 2 * 4 * 1024 * (2048 + 1024 + 2)
TDNN = sum(512 * (512 * context + 1) for context in (5, 3, 3, 1)) + 1500 * 513 + 512 * 3001 + 512 * 513
HEADS = {
    "asr": (768 + 1) * 1024 + LSTM + (2048 + 1) * 31,
    "asv": (768 + 1) * 512 + TDNN,
    "ic": (768 + 1) * 256 + (256 + 1) * (6 + 14 + 4),
}


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """No model is fetched: a tiny one with the attributes of the published."""

    def build(self):
        assert (self.name, self.weights) == ("wavlm_base_plus", None)
        return Untrained(dim=16, num_layers=12).load()

    monkeypatch.setattr(Pretrained, "build", build)
    monkeypatch.setattr(Pretrained, "load", build)


def test_there_are_six():
    names = [f"{task}/{name}" for task in HEADS for name in ("base_plus", "base_plus_noise_robust")]
    assert [f"{p.parts[-3]}/{p.stem.removeprefix('probe_wavlm_')}" for p in CONFIGS] == names


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_every_config_is_accepted(config, capsys):
    train.main([load_config(config)["task"], "--config", str(config), "--check"])
    lines = dict(line.split(": ") for line in capsys.readouterr().out.splitlines())
    assert lines["mixing"] == str("noise_robust" in config.stem).lower()
    assert (lines["stream"], lines["fs"]) == ("wav", "16000")


@pytest.mark.parametrize("task", HEADS)
def test_heads_and_sum_are_those_of_the_benchmark(task):
    """Projection 1024 and two BLSTM 1024; x-vector of 512; projection 256 and a linear layer for each slot."""
    config = SUPERB / task / "conf/probe_wavlm_base_plus.yaml"
    network = system_class(load_config(config)["task"]).build(config)
    assert count_parameters(network.model) == HEADS[task]
    assert network.frontend.layer_logits.shape == (13,)
    assert not any(p.requires_grad for p in network.frontend.ssl.parameters())
    assert network.normalize == "none"


def test_noise_is_that_of_table_3():
    for task in HEADS:
        config = load_config(SUPERB / task / "conf/probe_wavlm_base_plus_noise_robust.yaml")
        (noise,) = config["data"]["init_args"]["planner"]["noises"].values()
        assert noise["snr"] == [-3, 20]
