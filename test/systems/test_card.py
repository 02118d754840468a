"""Model cards: from the experiment's files, in the package, shown by `voxsift info`; repositories of Hugging Face."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from toolkit.bin import pack as pack_program
from toolkit.cli.main import main
from toolkit.io.errors import InputError
from toolkit.systems import Enhancer, Verifier
from toolkit.systems.card import card_lines, card_of
from toolkit.systems.hub import hub_file
from toolkit.systems.packing import pack

OLD = Path(__file__).parents[1] / "fixtures/v0.1"
WORDS = ["--licence", "Apache-2.0", "--data_licence", "CC-BY-4.0", "--intended_use", "tests of cards"]
RESULTS = {
    "means": [],
    "sets": [
        {
            "name": "test",
            "metrics": {"eer": {"value": 2.5, "low": 2.0, "high": 3.1, "unit": "%"}, "cllr": {"value": 1}},
        },
        {"name": "test_babble_0", "metrics": None},
    ],
}


@pytest.fixture
def exp(tmp_path):
    """An experiment with results."""
    shutil.copytree(OLD / "sv_ecapa", tmp_path / "exp")
    (tmp_path / "exp/results.json").write_text(json.dumps(RESULTS))
    return tmp_path / "exp"


@pytest.fixture
def packed(exp, tmp_path):
    pack_program.main(["--expdir", str(exp), "--output", str(tmp_path / "packed.zip"), *WORDS])
    return tmp_path / "packed.zip"


def info(path, capsys) -> dict:
    capsys.readouterr()
    assert main(["info", str(path), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_card_holds_the_facts_of_the_experiment(packed, exp, capsys):
    training = json.loads((exp / "train_info.json").read_text())
    card = info(packed, capsys)["card"]
    assert (card["licence"], card["data_licence"], card["intended_use"]) == (
        "Apache-2.0",
        "CC-BY-4.0",
        "tests of cards",
    )
    assert (card["task"], card["network"], card["fs"]) == ("sv", "EcapaTdnn", 16000)
    assert card["parameters"] == training["parameters"]
    assert card["data"]["hours"] == training["hours"]
    row = {"set": "test", "metric": "eer", "value": 2.5, "low": 2.0, "high": 3.1, "unit": "%"}
    assert card["results"] == [row]


def test_info_shows_it(packed, exp, capsys):
    assert main(["info", str(packed)]) == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("Apache-2.0", "CC-BY-4.0", "tests of cards", "eer 2.50 % [2.00, 3.10]"))
    assert main(["info", str(exp)]) == 0  # an experiment that is not packed
    assert "eer 2.50 % [2.00, 3.10]" in capsys.readouterr().out


def test_a_gain_is_told_from_a_level(exp, tmp_path):
    metrics = {name: {"value": x, "low": None, "high": None} for name, x in (("si_sdr", 7.25), ("si_sdri", 3.5))}
    (exp / "results.json").write_text(json.dumps({"sets": [{"name": "test", "metrics": metrics}]}))
    lines = card_lines(card_of(exp, {}, "se"))
    assert lines["result 1"].startswith("test: si_sdri 3.50, gained")
    assert lines["result 2"].startswith("test: si_sdr 7.25, of the output")


@pytest.mark.parametrize("results", ['{"sets": {"test": 1}}', '{"sets": [{"name": "x", "metrics": {"eer": 3}}]}'])
def test_results_of_another_form_are_left_out(exp, tmp_path, results, capsys):
    (exp / "results.json").write_text(results)
    pack(exp, tmp_path / "p.zip")
    assert info(tmp_path / "p.zip", capsys)["card"]["results"] == []


def test_packages_without_a_card_are_read(capsys):
    """Of an earlier version: what its other files hold."""
    card = info(OLD / "sv_ecapa.zip", capsys)["card"]
    assert card["licence"] is None
    assert card["parameters"] == 6418


# --- repositories of Hugging Face -------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path, monkeypatch, packed):
    """A cache of the hub with ``someone/verifier``, without a network; returns the folder of its files."""
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = tmp_path / "hub/models--someone--verifier"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text("abc123")
    files = folder / "snapshots/abc123"
    files.mkdir(parents=True)
    shutil.copy(packed, files / "packed.zip")
    return files


def test_a_system_of_a_repository(repository, packed):
    samples = 0.1 * np.random.default_rng(0).standard_normal(16000)
    system = Verifier.load("hf:someone/verifier")
    np.testing.assert_array_equal(system.embed(samples, 16000), Verifier.load(packed).embed(samples, 16000))
    assert system.origin.path == "hf:someone/verifier"
    assert system.identity["extractor"] == "verifier"
    assert main(["info", "hf:someone/verifier:packed.zip"]) == 0


def test_one_of_several_files_is_named(repository):
    (repository / "packed.zip").rename(repository / "a.zip")
    assert hub_file("hf:someone/verifier").name == "a.zip"
    shutil.copy(repository / "a.zip", repository / "b.zip")
    with pytest.raises(InputError, match="a.zip.*b.zip"):
        hub_file("hf:someone/verifier")
    assert hub_file("hf:someone/verifier:b.zip").name == "b.zip"


@pytest.mark.parametrize(
    "name",
    [
        "hf:nobody/nothing",
        "hf:verifier",
        "hf:",
        "hf:../../etc",
        "hf:someone/verifier:../x.zip",
        "hf:someone/verifier:x.pth",
        "hf:someone/verifier:none.zip",
        "hf:someone/verifier@none",
    ],
)
def test_bad_names(repository, name, capsys):
    assert main(["info", name]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_hostile_package_is_refused_from_there_too(repository, capsys):
    content = (repository / "packed.zip").read_bytes()
    (repository / "packed.zip").write_bytes(content[:-200])
    assert main(["info", "hf:someone/verifier"]) == 1
    with pytest.raises(InputError):
        Enhancer.load("hf:someone/verifier")
