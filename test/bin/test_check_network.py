"""Networks that are used without training."""

from pathlib import Path

import pytest
import torch
import yaml

from toolkit.bin import check_network
from toolkit.io.command_line import run
from toolkit.io.errors import InputError
from toolkit.models.sv.ge2e import GE2E
from toolkit.systems.packing import pack
from toolkit.systems.verifier import Verifier

EGS = Path(__file__).parents[2] / "egs"
OWN = """\
from torch import nn

from toolkit.models.sv.base import SpeakerEncoder


class Own(SpeakerEncoder):
    embedding_dim = 3

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(80, 3)

    def forward(self, feats, lengths=None):
        return self.linear(feats.mean(1))
"""


def test_what_needs_training_is_refused_and_what_needs_none_is_not(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"train_ecapa.yaml: its network needs training.*--sv_exp"):
        check_network.main(["sv", "--config", str(EGS / "mini/sv/conf/train_ecapa.yaml")])
    check_network.main(["sv", "--config", str(EGS / "mini/sv/conf/mean_fbank.yaml")])
    (tmp_path / "own_encoder.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own.yaml").write_text("model: {class_path: own_encoder.Own}\n")
    check_network.main(["sv", "--config", str(tmp_path / "own.yaml")])


MEAN = "model: {class_path: toolkit.models.sv.mean_fbank.MeanFbank}\nnormalize: none\n"


@pytest.mark.parametrize(
    ("task", "config", "more", "message"),
    [
        ("sv", MEAN, [], ""),
        ("sv", MEAN, ["--fs", "8000"], "is for 16000 Hz"),
        ("sv", "model: {class_path: toolkit.models.sv.mean_fbank.NoSuch}\n", [], "NoSuch"),
        ("se", f"{MEAN}frontend: {{class_path: toolkit.features.kaldi_fbank.KaldiFbank}}\n", [], "is for task sv"),
    ],
)
def test_a_system_is_checked_before_it_is_used(tmp_path, capsys, task, config, more, message):
    (tmp_path / "config.yaml").write_text(config)
    assert run(check_network.main, [task, "--model", str(tmp_path), *more]) == bool(message)
    assert message in capsys.readouterr().err


def test_a_config_is_written_whole(tmp_path):
    (tmp_path / "base.yaml").write_text(MEAN)
    (tmp_path / "top.yaml").write_text('base: "base.yaml"\nseed: 3\n')
    check_network.main(["sv", "--config", str(tmp_path / "top.yaml"), "--whole", str(tmp_path / "out/config.yaml")])
    assert yaml.safe_load((tmp_path / "out/config.yaml").read_text()) == {
        "model": {"class_path": "toolkit.models.sv.MeanFbank"},
        "normalize": "none",
        "seed": 3,
    }


def test_published_weights_become_those_of_an_experiment(tmp_path):
    """They are needed when the experiment is made, not when it, or its package, is used."""
    sizes = {"hidden": 8, "num_layers": 1, "embedding_dim": 6}
    published, wav = GE2E(**sizes), 0.1 * torch.randn(1, 16000)
    torch.save({"model_state": published.state_dict()}, tmp_path / "published.pt")
    model = {"class_path": "GE2E", "init_args": {**sizes, "weights": str(tmp_path / "published.pt")}}
    config = {"frontend": {"class_path": "MelPower"}, "model": model, "normalize": "none"}
    (tmp_path / "ge2e.yaml").write_text(yaml.safe_dump(config))
    exp, zipped = tmp_path / "exp", tmp_path / "packed.zip"
    check_network.main(["sv", "--config", str(tmp_path / "ge2e.yaml"), "--whole", str(exp / "config.yaml")])
    pack(exp, zipped)
    (tmp_path / "published.pt").unlink()
    truth = published(Verifier.load(exp, trust=True).network.frontend(wav)[0])
    for path in (exp, zipped):
        assert Verifier.load(path, trust=True).vectors(wav) == pytest.approx(truth.detach().numpy(), abs=1e-6)
    (exp / "valid.eer.ave.pth").unlink()
    assert run(check_network.main, ["sv", "--model", str(exp), "--trust"]) == 1
