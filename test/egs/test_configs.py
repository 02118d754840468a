"""Every training config of every recipe is what its program takes: --check constructs all that it says."""

from pathlib import Path

import pytest
import torch
import yaml
from helpers.tiny_recogniser import recogniser

from toolkit.bin import train
from toolkit.io.command_line import run
from toolkit.io.config import load_config
from toolkit.metrics.cost.complexity import count_parameters
from toolkit.models.ssl.log_mel_hubert import LogMelHubert
from toolkit.models.ssl.wav2vec2 import Pretrained, Untrained
from toolkit.models.sv import EcapaTdnn
from toolkit.systems.recognizer import Recognizer
from toolkit.systems.ssl_encoder import SSLEncoder

EGS = Path(__file__).parents[2] / "egs"
CONFIGS = sorted(path for path in EGS.glob("*/*/conf/*.yaml") if path.name.startswith(("train_", "finetune_")))
CHECKED = [*CONFIGS, *sorted(EGS.glob("mini/*/conf/probe_*.yaml"))]


@pytest.mark.parametrize("config", CHECKED, ids=lambda path: "-".join(path.parts[-4:]).removesuffix(".yaml"))
def test_every_config_is_accepted(config, capsys, monkeypatch):
    # The loss reads its model's published weights, or a trained recogniser, which need not be here.
    monkeypatch.setattr(Pretrained, "load", lambda _: Untrained().load())
    monkeypatch.setattr(Recognizer, "load", lambda *_: Recognizer(recogniser()))
    monkeypatch.setattr(SSLEncoder, "load", lambda *_: SSLEncoder(LogMelHubert(num_layers=1)))
    monkeypatch.chdir(config.parents[1])
    train.main([config.parents[1].name, "--config", str(config), "--check"])
    message = capsys.readouterr().out.split()
    assert message[1] in ("wav", "feats", "clean")
    if "paranoise" in config.stem:  # its targets are parts of mixtures made while training
        assert message[:4] == ["stream:", "wav", "mixing:", "true"]


def test_a_mistyped_set_of_a_planner_is_named(tmp_path, capsys):
    config = tmp_path / "mistyped.yaml"
    planner = "{noises: {noise: {data: [noise_trian]}}}"
    base = EGS / "mini/tse/conf/train_sefpnet.yaml"
    config.write_text(f"base: {base}\ndata: {{init_args: {{planner: {planner}}}}}\n")
    words = ["tse", "--config", str(config), "--check", "--known_sets"]
    assert run(train.main, [*words, "[train,noise_trian]"]) == 0
    assert run(train.main, [*words, "[train,noise_train]"]) == 1
    message = capsys.readouterr().err
    assert f"{config}: data.init_args.planner.noises.noise.data: unknown set noise_trian" in message
    assert "did you mean noise_train?" in message


def test_the_encoder_of_lgr_tse_has_its_published_size():
    config = load_config(EGS / "voxceleb1/sv/conf/train_ecapa2048.yaml")
    with torch.device("meta"):
        encoder = EcapaTdnn(**config["model"]["init_args"])
    assert count_parameters(encoder) == 78_988_416  # 78.99 M; table 1 of LGR-TSE added up by hand


def test_all_tasks_have_configs():
    assert {path.parents[1].name for path in CONFIGS} == {"sv", "se", "tse", "ee", "asr", "ic", "ssl"}
    assert len(CONFIGS) >= 40


def test_every_shared_config_is_used():
    shared = {path.resolve() for path in EGS.glob("conf/*/*.yaml")}
    files = [*EGS.glob("*/*/conf/*.yaml"), *EGS.glob("TEMPLATE/conf/*.yaml"), *shared]
    used = {path.resolve() for path in files if path.is_symlink()}
    for path in files:
        if base := yaml.safe_load(path.read_text()).get("base"):
            used.add((path.parent / base).resolve())
    assert shared
    assert shared <= used
