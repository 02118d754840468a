"""Packed models are read as what they are, files from elsewhere: whole, or an InputError; and they run no code."""

import json
import stat
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

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
from toolkit.train.checkpoint import load, save

EGS = Path(__file__).parents[2] / "egs"
SIZES = {"n_mels": 8, "channels": 8, "mfa_channels": 8, "embedding_dim": 4, "se_channels": 4, "attention_channels": 4}
CONFIG = {
    "frontend": {"class_path": "toolkit.features.kaldi_fbank.KaldiFbank", "init_args": {"n_mels": 8}},
    "model": {"class_path": "toolkit.models.sv.ecapa_tdnn.EcapaTdnn", "init_args": {**SIZES, "scale": 2}},
}
OWN = """
from toolkit.models.sv.mean_fbank import MeanFbank
open({marker!r}, "w").close()
class MyEncoder(MeanFbank): pass
"""


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


def repack(path, change) -> None:
    """Write a package again, with the right hashes, after ``change`` of its contents (name -> bytes)."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist() if name != "manifest.json"}
    change(contents)
    hashes = {name: packing.hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    contents["manifest.json"] = json.dumps({"task": "sv", "model": "x", "sha256": hashes}).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


def unpacked(path) -> dict[str, bytes]:
    """What a package holds, by name."""
    with tempfile.TemporaryDirectory() as folder:
        packing.unpack(path, Path(folder), "sv")
        return {one.name: one.read_bytes() for one in Path(folder).iterdir()}


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


@pytest.mark.parametrize("where", [0, -300], ids=["anywhere", "in the central directory"])
def test_a_flipped_bit_changes_nothing_or_is_an_input_error(packed, where):
    whole, expected, rng = packed.read_bytes(), unpacked(packed), np.random.default_rng(0)
    refused = []
    for place in rng.integers(where % len(whole), len(whole), size=250):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        packed.write_bytes(damaged)
        try:
            assert unpacked(packed) == expected
        except InputError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all(message.startswith(str(packed)) for message in refused)


def test_a_cut_file_is_an_input_error(packed):
    whole = packed.read_bytes()
    for length in range(0, len(whole), 997):
        packed.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"packed\.zip"):
            Verifier.load(packed)


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[1]", b"null", b"{", b"\xff", b'{"task": "sv"}', b'{"task": ["sv"], "sha256": {}}', b"[" * 5000],
    ids=lambda manifest: str(manifest)[:20],
)
def test_a_manifest_that_is_none(packed, manifest):
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("manifest.json", manifest)
        archive.writestr("config.yaml", yaml.safe_dump(CONFIG))
    with pytest.raises(InputError, match=r"packed\.zip"):
        Verifier.load(packed)


def add(name: str, mode: int = 0):
    def change(archive):
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, "x")

    return change


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "change",
    [add("../out.yaml"), add("/tmp/out"), add("more.py"), add("config.yaml"), add("results.json", stat.S_IFLNK)],
    ids=["parent", "absolute", "unknown", "twice", "link"],
)
def test_members_that_do_not_belong_there(packed, change):
    with zipfile.ZipFile(packed, "a") as archive:
        change(archive)
    with pytest.raises(InputError, match=r"packed\.zip"):
        Verifier.load(packed)
    assert sorted(path.name for path in packed.parent.iterdir()) == ["exp", "packed.zip"]


@pytest.mark.parametrize("name", ["model.safetensors", "config.yaml", "manifest.json"])
def test_a_bomb_is_refused_by_its_declared_size(packed, monkeypatch, name):
    monkeypatch.setattr(
        zipfile.ZipFile, "read", lambda archive, info: b"{}" if info.file_size < 1e6 else pytest.fail("read")
    )
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in names:
            archive.writestr(one, bytes(30_000_000) if one == name else "{}")
    with pytest.raises(InputError, match=r"packed\.zip"):
        Verifier.load(packed)


def test_a_header_that_understates_a_size_gains_nothing(packed):
    """The central directory says 1,000 bytes of a member of 30 million."""
    repack(packed, lambda contents: contents.update({"model.safetensors": bytes(30_000_000)}))
    data = packed.read_bytes()
    assert data.count((30_000_000).to_bytes(4, "little")) == 2
    packed.write_bytes(data.replace((30_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")))
    with pytest.raises(InputError, match=r"packed\.zip"):
        Verifier.load(packed)


def test_weights_that_inflate_are_refused(exp):
    path = exp / "valid.eer.ave.pth"
    torch.save({"w": torch.zeros(2_000_000)}, path)
    with zipfile.ZipFile(path) as archive:
        records = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in records.items():
            archive.writestr(info.filename, data)
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match=r"valid\.eer\.ave\.pth"):
        load(path)


@pytest.mark.parametrize("state", [[1, 2], {"a": 3}, {"a": None}, torch.zeros(3), {1: torch.zeros(3)}], ids=str)
def test_weights_that_are_none(packed, exp, state):
    """In a zip of an earlier version, and of an experiment that is packed."""
    save(exp / "valid.eer.ave.pth", state)
    with pytest.raises(InputError, match=r"valid\.eer\.ave\.pth"):
        pack(exp, exp / "out.zip")

    def change(contents):
        del contents["model.safetensors"]
        contents["model.pth"] = (exp / "valid.eer.ave.pth").read_bytes()

    repack(packed, change)
    with pytest.raises(InputError, match=r"packed\.zip/model\.pth"):
        Verifier.load(packed)


@pytest.mark.parametrize("data", [b"", b"{}", bytes(8), b"\xff" * 200, b"\x02" + bytes(7) + b"{}"], ids=range(5))
def test_safetensors_that_are_none(packed, data):
    repack(packed, lambda contents: contents.update({"model.safetensors": data}))
    with pytest.raises(InputError, match=r"packed\.zip/model\.safetensors"):
        Verifier.load(packed)


@pytest.mark.parametrize(
    ("part", "sizes"),
    [("model", {"channels": 4_000_000}), ("frontend", {"n_mels": 4_000_000})],
)
def test_a_network_too_large_for_its_weights_takes_no_memory(packed, part, sizes):
    """The first has 10^13 weights, the second a matrix of filters of 8 GB."""
    config = {**CONFIG, part: {**CONFIG[part], "init_args": CONFIG[part]["init_args"] | sizes}}
    repack(packed, lambda contents: contents.update({"config.yaml": yaml.safe_dump(config).encode()}))
    with pytest.raises(InputError, match=r"packed\.zip"):
        Verifier.load(packed)


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
