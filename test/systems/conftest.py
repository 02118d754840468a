"""A small experiment and its package."""

import pytest
import yaml
from helpers.packages import CONFIG

from toolkit.systems.packing import pack
from toolkit.systems.verifier import Verifier
from toolkit.train.checkpoint import save


@pytest.fixture
def exp(tmp_path):
    """An untrained experiment."""
    (tmp_path / "exp").mkdir()
    (tmp_path / "exp/config.yaml").write_text(yaml.safe_dump(CONFIG))
    save(tmp_path / "exp/valid.eer.ave.pth", Verifier.build(tmp_path / "exp/config.yaml").state_dict())
    return tmp_path / "exp"


@pytest.fixture
def packed(exp, tmp_path):
    pack(exp, tmp_path / "packed.zip", "valid.eer.ave.pth")
    return tmp_path / "packed.zip"
