"""Packages that are damaged or forged are refused, and take neither memory nor run code."""

import stat
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from helpers.packages import CONFIG, repack

from toolkit.io.errors import InputError
from toolkit.systems import packing
from toolkit.systems.packing import pack
from toolkit.systems.verifier import Verifier
from toolkit.train.checkpoint import load, save


def unpacked(path) -> dict[str, bytes]:
    """What a package holds, by name."""
    with tempfile.TemporaryDirectory() as folder:
        packing.unpack(path, Path(folder), "sv")
        return {one.name: one.read_bytes() for one in Path(folder).iterdir()}


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
