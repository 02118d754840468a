"""Networks that are used without training."""

from pathlib import Path

import pytest

from toolkit.bin import check_network
from toolkit.io.errors import InputError

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
