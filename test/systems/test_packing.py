"""Packed models are read as what they are, files from elsewhere: whole, or an InputError; and they run no code."""

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from helpers.packages import CONFIG, repack

from toolkit.bin.pack import main as pack_main
from toolkit.io.command_line import run
from toolkit.io.config import load_config
from toolkit.io.errors import InputError
from toolkit.systems import packing
from toolkit.systems.base import System
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.extractor import Extractor
from toolkit.systems.kinds import system_class, task_of
from toolkit.systems.packing import WEIGHTS, pack
from toolkit.systems.verifier import Verifier
from toolkit.train.checkpoint import save

EGS = Path(__file__).parents[2] / "egs"
OWN = """
from toolkit.models.sv.mean_fbank import MeanFbank
open({marker!r}, "w").close()
class MyEncoder(MeanFbank): pass
"""


def test_half_precision_rounds_matrices_and_nothing_else(exp, packed, tmp_path):
    pack(exp, tmp_path / "half.zip", "valid.eer.ave.pth", half=True)
    before, after = (Verifier.load(path).network.state_dict() for path in (packed, tmp_path / "half.zip"))
    for name, tensor in before.items():
        expected = tensor.numpy()
        if expected.dtype == np.float32 and expected.ndim > 1:
            expected = expected.astype(np.float16).astype(np.float32)
        assert after[name].dtype == tensor.dtype
        assert np.array_equal(after[name].numpy(), expected), name
    sizes = [zipfile.ZipFile(tmp_path / name).getinfo(WEIGHTS).file_size for name in ("packed.zip", "half.zip")]
    saved = sum(2 * x.numel() for x in before.values() if x.dtype == torch.float32 and x.ndim > 1)
    assert sizes[0] - sizes[1] == pytest.approx(saved, abs=4 * len(before))


def test_weights_beyond_half_precision_are_refused(exp, tmp_path, capsys):
    state = torch.load(exp / "valid.eer.ave.pth")
    name = next(name for name, tensor in state.items() if tensor.ndim > 1)
    state[name][0] = 1e6
    save(exp / "valid.eer.ave.pth", state)
    options = ["--expdir", str(exp), "--output", str(tmp_path / "half.zip"), "--half"]
    assert run(pack_main, options) == 1
    assert f"valid.eer.ave.pth: {name}: too large for half precision" in capsys.readouterr().err
    assert not (tmp_path / "half.zip").exists()
    assert run(pack_main, options[:-1]) == 0


ATTACKS = {
    "current folder": {"class_path": "notes.X"},
    "standard library": {"class_path": "subprocess.Popen", "init_args": {"args": ["touch", "marker"]}},
    "torch": {"class_path": "torch.hub.load", "init_args": {"repo_or_dir": "."}},
    "a name only": "notes.X",
    "a function of ours": {"class_path": "toolkit.systems.packing.pack", "init_args": {"path": "other"}},
    "through a module of ours": {"class_path": "toolkit.io.opening.subprocess.Popen"},
    "not an encoder": {"class_path": "toolkit.features.kaldi_fbank.KaldiFbank"},
    "a module": {"class_path": "toolkit.models.sv.ecapa_tdnn"},
    "unknown": {"class_path": "toolkit.models.sv.ecapa_tdnn.Other"},
    "among arguments": {**CONFIG["model"], "init_args": {"pooling": {"class_path": "notes.X"}}},
    "in a list": {**CONFIG["model"], "init_args": {"dilations": [{"class_path": "notes.X"}]}},
    "a callable": {**CONFIG["model"], "init_args": {"pooling": "os.system"}},
    "YAML in a string": '{"class_path": "notes.X"}',
    "YAML in an argument": {**CONFIG["model"], "init_args": {"pooling": "{class_path: notes.X}"}},
    "a key of keys": {**CONFIG["model"], "init_args.pooling.class_path": "notes.X"},
    "a file": {**CONFIG["model"], "init_args": {"pooling": "/etc/passwd"}},
    "no text": {"class_path": ["notes.X"]},
}


@pytest.mark.parametrize("model", ATTACKS.values(), ids=ATTACKS)
def test_a_model_from_elsewhere_runs_no_code(exp, packed, tmp_path, monkeypatch, model):
    """Packed or in a folder; ``notes`` lies where Python finds it."""
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/notes.py").write_text(OWN.format(marker=str(tmp_path / "marker")))
    config = yaml.safe_dump({**CONFIG, "model": model})
    repack(packed, lambda contents: contents.update({"config.yaml": config.encode()}))
    (exp / "config.yaml").write_text(config)
    for path in (packed, exp):
        with pytest.raises(InputError, match="config.yaml"):
            Verifier.load(path)
    assert not (tmp_path / "marker").exists()
    assert "notes" not in sys.modules


@pytest.mark.parametrize(
    "text",
    [
        "base: /etc/passwd\n",
        "model: &a [*a]\n",
        "model: " + "[" * 600,
        "\n".join(
            ["a0: &a0 [1]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20)), "model: *a19"]
        ),
        "- 1",
        "model: !!python/object:os.system {}",
        "model: 3",
        "model: [a]",
        "model: !!timestamp x",
    ],
    ids=["base", "itself", "deep", "aliases", "list", "python", "number", "names", "timestamp"],
)
def test_a_config_that_is_none(packed, text):
    repack(packed, lambda contents: contents.update({"config.yaml": text.encode()}))
    for kind in (System, Verifier, Enhancer, Extractor):
        with pytest.raises(InputError, match=r"packed\.zip"):
            kind.load(packed)


def test_a_class_of_the_users_needs_trust_and_works_with_it(tmp_path, monkeypatch, caplog):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_package.py").write_text(OWN.format(marker=str(tmp_path / "marker")))
    (tmp_path / "config.yaml").write_text("model: {class_path: own_package.MyEncoder}\nnormalize: none\n")
    save(tmp_path / "any.pth", {})
    pack(tmp_path, tmp_path / "packed.zip", "any.pth")
    assert "own_package.MyEncoder" in caplog.text  # who packs is told
    for path in (tmp_path, tmp_path / "packed.zip"):
        with pytest.raises(InputError, match=r"own_package\.MyEncoder.*--trust"):
            Verifier.load(path)
    assert not (tmp_path / "marker").exists()
    assert Verifier.load(tmp_path / "packed.zip", trust=True).network(torch.ones(1, 1600)).shape == (1, 80)
    del sys.modules["own_package"]


def test_every_published_network_is_built_without_memory_and_without_trust():
    """One config of each class: sizes by shapes alone are those of the real network."""
    configs = {load_config(path)["model"]["class_path"]: path for path in sorted(EGS.glob("*/*/conf/train_*.yaml"))}
    assert len(configs) >= 8
    for config in configs.values():
        packing.check_classes(load_config(config), config)
        kind = system_class(task_of(load_config(config)))
        with torch.device("meta"):
            outline = kind.build_stored(config)
        assert outline.state_dict()
        assert all(tensor.is_meta for tensor in outline.parameters())


@pytest.mark.parametrize("path", [None, 3, ["x"], "a\0b", "x" * 5000, ""], ids=lambda path: repr(path)[:9])
def test_paths_that_are_none(path):
    with pytest.raises(InputError):
        Verifier.load(path)
