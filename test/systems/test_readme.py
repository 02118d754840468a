"""The code blocks of README.md run, on tiny systems in the places of trained ones."""

import re
import shlex
from pathlib import Path

import pytest
import soundfile

from test.conftest import voice
from test.tasks.embedding.conftest import pairs, trained  # noqa: F401
from toolkit.cli.main import main

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
EXPERIMENTS = {
    "sv/exp/sv_train_ecapa_fbank": "sv_ecapa",
    "se/exp/se_train_convtasnet_snr": "se_convtasnet",
    "tse/exp/tse_train_sefpnet": "tse_sefpnet",
}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch, trained):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    for path, name in EXPERIMENTS.items():
        (Path("egs/mini") / path).parent.mkdir(parents=True)
        (Path("egs/mini") / path).symlink_to(ROOT / "test/fixtures/v0.1" / name)
    Path("exp").mkdir()
    Path("exp/ee_mine").symlink_to(trained)
    for i, name in enumerate(("a", "b", "noisy", "crowd", "speaker_alone")):
        soundfile.write(f"{name}.wav", voice(i, 0, 0.5, 22050), 22050)


def test_python_blocks():
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names = {}
    exec("\n".join(blocks), names)
    assert len(names["speech"]) == len(names["samples"])


def test_lines_of_voxsift(capsys):
    lines = re.findall(r"^voxsift .*$", TEXT, re.MULTILINE)
    assert lines
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0
    assert "EcapaTdnn" in capsys.readouterr().out
