"""network_info on the recipes' configs: sizes by hand, cost by length."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from toolkit.bin import network_info, statistics
from toolkit.data.datasets import MixtureDataset
from toolkit.data.item import ItemSpec
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.command_line import run
from toolkit.io.config import load_config
from toolkit.io.trust import NETWORK_KEYS
from toolkit.simulate.planner import MixturePlanner

EGS = Path(__file__).parents[2] / "egs"
SIZES = {  # parameters of what the papers describe
    "voxceleb1/sv/conf/train_ecapa.yaml": 6_192_128,  # Desplanques et al. 2020, table 1: 6.2 M
    "voxceleb1/sv/conf/train_ecapa_1024.yaml": 14_658_496,  # 14.7 M
    "voxceleb1/sv/conf/train_ecapa_seed.yaml": 14_854_784,  # 14.855 M
    "voxceleb1/sv/conf/train_resnet34.yaml": 8_028_492,  # 8.03 M
    "voxceleb1/sv/conf/train_eres2netv2.yaml": 17_859_632,  # its repository: 17.86 M
    "voxceleb1/sv/conf/train_paranoise_enc.yaml": 7_746_525,  # Kim et al. 2025, table 5: 7.75 M
    "voxceleb1/sv/conf/train_paranoise_none.yaml": 7_746_525 - 1_354_390 - 408_910 - 101_376,  # less NE, connections
    "voxceleb1/sv/conf/train_paranoise_dec.yaml": 7_746_525 - 101_376 + 9 * 2 * (128**2 + 64**2 + 32**2 + 16**2),
    "voxceleb1/sv/conf/train_paranoise_encdec.yaml": 7_746_525 + 9 * 2 * (128**2 + 64**2 + 32**2 + 16**2),
    "speechocean762/sv/conf/train_paranoise_enc_gpu.yaml": 7_746_525,
    "libri2mix/tse/conf/train_sefpnet.yaml": 6_080_402,  # Huang et al. 2025, table I: 6.08 M
    "libri2mix/tse/conf/train_dpccn_ci.yaml": 5_894_770,  # 5.89 M
    "libri2mix/tse/conf/train_dpccn_ci_ifi.yaml": 5_899_402,  # 5.89 M
    "speechocean762/tse/conf/train_sefpnet_gpu.yaml": 6_080_402,
    "librispeech_dns/se/conf/train_demucs.yaml": 33_533_569,  # dns64: 33.53 M
    "speechocean762/sv/conf/train_redimnet2_b0.yaml": 1_126_452,  # Yakovlev and Okhotnikov 2026, table 1: 1.1 M
    "speechocean762/sv/conf/train_redimnet2_b1.yaml": 2_176_464,  # 2.1 M
    "speechocean762/se/conf/train_gtcrn.yaml": 48_245,  # its repository: 48.2 k
}


@pytest.fixture
def unmeasured(monkeypatch):
    """Neither memory nor time: each takes seconds."""
    for name in ("measure_peak_memory", "measure_rtf"):
        monkeypatch.setattr(f"toolkit.metrics.cost.complexity.{name}", lambda *_: 0.0)


def info(capsys, *words) -> dict:
    network_info.main([*words])
    return json.loads(capsys.readouterr().out)


def test_the_classifier_counts_in_training_only(unmeasured, capsys, tmp_path):
    config = tmp_path / "c.yaml"
    model = "{class_path: toolkit.models.sv.mean_fbank.MeanFbank, init_args: {n_mels: 40}}"
    frontend = "{class_path: toolkit.features.kaldi_fbank.KaldiFbank, init_args: {n_mels: 40}}"
    loss = "{class_path: toolkit.losses.speaker.margin.SoftmaxCE}"
    config.write_text(f"model: {model}\nfrontend: {frontend}\nloss: {loss}\nnormalize: none\n")
    sizes = info(capsys, "--config", str(config), "--speakers", "10", "--seconds", "0.5")
    assert sizes["parameters"] == 0
    assert sizes["parameters_training"] == 40 * 10 + 10
    assert sizes["macs"] == 0


def test_cost_grows_with_length(unmeasured, capsys):
    config = str(EGS / "mini/sv/conf/train_ecapa.yaml")
    one, two = (info(capsys, "--config", config, "--seconds", seconds) for seconds in ("1", "2"))
    assert 1.9 < two["macs"] / one["macs"] < 2.1
    assert one["parameters"] == two["parameters"]


def test_keys_are_all_there(capsys):
    one = info(capsys, "--config", str(EGS / "mini/sv/conf/train_ecapa.yaml"), "--seconds", "1")
    keys = {"parameters", "parameters_training", "macs", "macs_thop", "rtf_1thread", "peak_memory_mib", "seconds", "fs"}
    assert set(one) == keys
    assert one["rtf_1thread"] > 0
    assert one["peak_memory_mib"] > 0


def one_of_each_network() -> Iterator[Path]:
    """Configs whose network no other one has, and those of published sizes; all are checked by test_configs."""
    paths = sorted(EGS.glob("*/*/conf/train_*.yaml"), key=lambda path: ("/".join(path.parts[-4:]) not in SIZES, path))
    networks = {path: [load_config(path).get(key) for key in NETWORK_KEYS] for path in paths}
    seen: list = []
    for path, network in networks.items():
        if "/".join(path.parts[-4:]) in SIZES or network not in seen:
            seen.append(network)
            yield path


@pytest.mark.parametrize("config", one_of_each_network(), ids=lambda p: "-".join(p.parts[-4:]))
def test_every_config_of_every_recipe_builds_at_its_published_size(unmeasured, capsys, config):
    parameters = info(capsys, "--config", str(config), "--seconds", "0.3")["parameters"]
    assert parameters == SIZES.get("/".join(config.parts[-4:]), parameters) > 1000


def test_cost_of_extraction_by_the_second(unmeasured, capsys):
    actual = info(capsys, "--config", str(EGS / "libri2mix/tse/conf/train_sefpnet.yaml"), "--seconds", "1")
    assert actual["macs_thop"] == pytest.approx(8.50e9, rel=0.03)  # table I: 8.50 G
    assert actual["fs"] == 8000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--config", str(EGS / "mini/tse/conf/train_sefpnet.yaml"), "--fs", "16000"], "is for 8000 Hz"),
        (
            ["--config", str(EGS / "mini/tse/conf/train_sefpnet.yaml"), "--seconds", "0"],
            "--seconds 0: must be a number from 0.1",
        ),
        (["--config", "none.yaml"], "none.yaml"),
        (["--config", str(EGS / "mini/tse/conf/simulate_valid.yaml")], "names no model; must be a training config"),
    ],
)
def test_what_cannot_be_measured(capsys, words, message):
    assert run(network_info.main, words) == 1
    assert message in capsys.readouterr().err


def test_another_rate(unmeasured, capsys):
    assert (
        info(capsys, "--config", str(EGS / "mini/sv/conf/train_ecapa.yaml"), "--fs", "8000", "--seconds", "0.5")["fs"]
        == 8000
    )


def test_a_mistyped_key(capsys, tmp_path):
    (tmp_path / "c.yaml").write_text(
        "model: {class_path: toolkit.models.sv.ecapa_tdnn.EcapaTdnn, init_args: {chanels: 3}}\n"
    )
    assert run(network_info.main, ["--config", str(tmp_path / "c.yaml")]) == 1
    assert "chanels" in capsys.readouterr().err


def test_statistics_of_a_training_set(corpus, tmp_path):
    statistics.main(
        ["sv", "--train_dir", str(corpus / "raw/train"), "--output", str(tmp_path), "--trainer.workers", "0"]
    )
    stats = json.loads((tmp_path / "stats.json").read_text())
    assert (stats["items"], stats["speakers"]) == (16, 4)
    assert stats["items_per_speaker"] == {"min": 4, "max": 4}
    assert len(stats["feature_mean"]) == 80
    assert len((tmp_path / "shapes").read_text().splitlines()) == 16


def test_statistics_count_an_utterance_at_every_speed(corpus, tmp_path):
    """Oracle: the mean over all frames of the same items, one by one."""
    planner = ["--data.init_args.planner.speeds", "[0.9,1.1]", "--data.init_args.planner.new_speakers", "true"]
    words = ["--train_dir", str(corpus / "raw/train"), "--output", str(tmp_path), "--trainer.workers", "0"]
    statistics.main(["sv", *words, *planner])
    data = MixtureDataset(MixturePlanner(speeds=[0.9, 1.1], new_speakers=True)).open(
        corpus / "raw/train", 16000, seed=0
    )
    feats = [KaldiFbank()(torch.from_numpy(data[ItemSpec(i, 0, i)]["wav"])[None])[0][0] for i in range(len(data))]
    stats = json.loads((tmp_path / "stats.json").read_text())
    assert len((tmp_path / "shapes").read_text().splitlines()) == len(data) == 32
    assert stats["feature_mean"] == pytest.approx(torch.cat(feats).mean(0).tolist(), abs=1e-3)
