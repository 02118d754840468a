"""Experiments, packages and scripts of earlier versions work, and give what they gave (see test/fixtures/v0.1)."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from toolkit.bin import train
from toolkit.io.config import load_config
from toolkit.systems.base import System
from toolkit.systems.kinds import task_of
from toolkit.systems.packing import pack
from toolkit.train.checkpoint import load

OLD = Path(__file__).parents[1] / "fixtures/v0.1"
NAMES = ["sv_ecapa", "sv_paranoise", "se_convtasnet", "tse_sefpnet"]
MIXTURE, ENROLMENT = (np.load(OLD / f"{name}.npy") for name in ("mixture", "enrolment"))
CALLS = {
    "sv": lambda system: system.embed(MIXTURE, 16000),
    "se": lambda system: system.enhance(MIXTURE, 16000, 0.1),
    "tse": lambda system: system.extract(MIXTURE, ENROLMENT, 16000),
}


@pytest.mark.parametrize("suffix", ["", ".zip"])
@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_those_of_the_earlier_code(name, suffix):
    system = System.load(OLD / f"{name}{suffix}")
    assert system.task == name.partition("_")[0]
    np.testing.assert_allclose(CALLS[system.task](system), np.load(OLD / f"{name}.npy"), atol=1e-5)
    assert system.info()["training"]["commit"] == "53afb2b082e9"


@pytest.mark.parametrize("name", NAMES)
def test_they_are_packed_anew(name, tmp_path):
    pack(OLD / name, tmp_path / "new.zip")
    old, new = System.load(OLD / f"{name}.zip"), System.load(tmp_path / "new.zip")
    np.testing.assert_array_equal(CALLS[new.task](new), CALLS[old.task](old))


@pytest.mark.parametrize("name", NAMES)
def test_their_configs_are_accepted(name, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(OLD / name, "exp/" + name)
    train.main([name.partition("_")[0], "--config", str(OLD / name / "config.yaml"), "--check"])
    assert "trained: all done before, epochs 2" in capsys.readouterr().out


def test_a_training_goes_on(corpus, tmp_path):
    """On the same corpus, made here anew; its content is the same, so it is not refused."""
    shutil.copytree(OLD / "sv_ecapa", tmp_path / "exp")
    words = ["--train_dir", str(corpus / "raw/train"), "--valid_dirs", f"[{corpus / 'raw/dev'}]"]
    words += ["--config", str(OLD / "sv_ecapa/config.yaml"), "--expdir", str(tmp_path / "exp")]
    train.main(["sv", *words, "--trainer.epochs", "3", "--accept_data", "true"])
    assert load(tmp_path / "exp/checkpoint/last.pt")["step"] == 12


def test_functions_of_scripts(tmp_path):
    from toolkit.tasks.inference import enhance, extract
    from toolkit.tasks.packing import load_embedder, load_enhancer, load_extractor
    from toolkit.tasks.packing import pack as former_pack
    from toolkit.tasks.sv_experiment import build_embedder

    from toolkit.tasks.embedding import embed_file

    soundfile.write(tmp_path / "a.wav", MIXTURE, 16000, subtype="FLOAT")
    embedder = load_embedder(OLD / "sv_ecapa", model="valid.eer.ave.pth", trust=False)
    assert embedder.frontend.fs == 16000
    made = {
        "sv_ecapa": embed_file(embedder, tmp_path / "a.wav"),
        "se_convtasnet": enhance(load_enhancer(OLD / "se_convtasnet.zip"), MIXTURE, 0.1),
        "tse_sefpnet": extract(load_extractor(OLD / "tse_sefpnet"), MIXTURE, ENROLMENT),
    }
    for name, output in made.items():
        np.testing.assert_allclose(output, np.load(OLD / f"{name}.npy"), atol=1e-5)
    network = build_embedder(OLD / "sv_ecapa/config.yaml", 8000)
    assert network.frontend.fs == 8000
    assert network.state_dict().keys() == embedder.state_dict().keys()
    assert former_pack(OLD / "se_convtasnet", tmp_path / "x.zip", "valid.loss.ave.pth", task="se")["task"] == "se"


@pytest.mark.parametrize("name", NAMES)
def test_the_task_of_a_config_is_found(name):
    config = load_config(OLD / name / "config.yaml")
    task = name.partition("_")[0]
    assert "task" not in config
    assert task_of(config) == task
    assert task_of(config | {"model": {"class_path": "my_package.MyNetwork"}}) == task
    assert task_of(config | {"task": "asr"}) == "asr"


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("task: tse\nmodel: {class_path: toolkit.models.se.demucs.Demucs}", "tse"),
        ("model: EcapaTdnn", "sv"),
        ("model: {class_path: toolkit.models.tse.SEFPNet}", "tse"),
        ("task:\nmodel: {class_path: toolkit.models.se.demucs.Demucs}", "se"),
        ("model: toolkit.models.sv.resnet34.ResNet34", "sv"),
        ("model: {class_path: my.Net}\nnormalize: none", "sv"),
        ("model: {class_path: my.Net}", None),
        ("model: {class_path: toolkit.models.ssl.wav2vec2.Wav2Vec2}", "ssl"),
        ("model: [1]", None),
        ("model:", None),
        ("seed: 3", None),
    ],
)
def test_the_task_of_a_config_by_hand(text, task):
    assert task_of(yaml.safe_load(text)) == task
