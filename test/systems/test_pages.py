"""The Python blocks and lines of voxsift on the pages run, on tiny systems in the places of trained ones."""

import json
import re
import shlex
from pathlib import Path

import pytest
import soundfile
import yaml

from test.conftest import voice
from test.tasks.embedding.conftest import pairs, trained  # noqa: F401
from toolkit.bin import train
from toolkit.cli.main import main
from toolkit.models.sv import EcapaTdnn
from toolkit.simulate.plan import read_plan

ROOT = Path(__file__).parents[2]
EXPERIMENTS = {
    "sv/exp/sv_train_ecapa_fbank": "sv_ecapa",
    "se/exp/se_train_convtasnet_snr": "se_convtasnet",
    "tse/exp/tse_train_sefpnet": "tse_sefpnet",
}


def blocks(page: str, language: str) -> list[str]:
    """The blocks of a page in a language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


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


@pytest.mark.parametrize("page", ["README.md", "toolkit/README.md", "toolkit/systems/README.md", "CONTRIBUTING.md"])
def test_python_blocks(page):
    def my_encoder(**sizes: int) -> EcapaTdnn:
        return EcapaTdnn(channels=16, mfa_channels=24, **sizes)

    names: dict = {"MyEncoder": my_encoder}
    exec("\n".join(blocks(page, "python")), names)
    if "samples" in names:
        assert len(names["speech"]) == len(names["samples"])


def test_lines_of_voxsift(capsys):
    lines = re.findall(r"^voxsift .*$", "\n".join(blocks("toolkit/systems/README.md", "bash")), re.MULTILINE)
    assert lines
    for line in lines:
        assert main(shlex.split(line, comments=True)[1:]) == 0
    assert "EcapaTdnn" in capsys.readouterr().out


def test_the_line_of_a_plan(tmp_path):
    (tmp_path / "mix.jsonl").write_text(blocks("toolkit/simulate/README.md", "json")[0])
    (mixture,) = read_plan(tmp_path / "mix.jsonl")
    assert [source.role for source in mixture.sources] == ["spk1", "spk2"]


def test_the_planner_of_a_training_config(tmp_path, capsys):
    whole, short, codecs = (yaml.safe_load(text) for text in blocks("toolkit/simulate/README.md", "yaml"))
    in_training = [{"data": {"class_path": "MixtureDataset", "init_args": planner}} for planner in (whole, codecs)]
    for block in (short, *in_training):
        (tmp_path / "c.yaml").write_text(
            json.dumps({"base": str(ROOT / "egs/mini/se/conf/train_convtasnet_snr.yaml"), **block})
        )
        with pytest.raises(SystemExit, match="^0$"):
            train.main(["se", "--config", str(tmp_path / "c.yaml"), "--print_config"])
        assert yaml.safe_load(capsys.readouterr().out)["data"]["init_args"]["planner"]
