"""Files of units from elsewhere: every fault is named with the file, and nothing of them runs."""

import json
import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from toolkit.bin import cluster_frames
from toolkit.io.command_line import run
from toolkit.io.errors import InputError
from toolkit.systems.unit_file import read_units, write_units

MFCC = {"kind": "mfcc", "fs": 16000, "hop_ms": 20}
CENTROIDS = torch.randn(5, 39)


def test_what_is_written_is_read(tmp_path):
    write_units(tmp_path / "units", CENTROIDS, MFCC)
    units = read_units(tmp_path / "units")
    assert torch.equal(units.centroids, CENTROIDS)
    assert units(torch.randn(2, 16000))[0].shape == (2, 51)


def stored(path, tensors, source):
    save_file(tensors, path, {"source": source if isinstance(source, str) else json.dumps(source)})


class Runs:
    def __reduce__(self):
        return os.mkdir, ("it_ran",)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: None,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff" * 100),
        lambda path: path.write_bytes((2**40).to_bytes(8, "little") + b"{}"),
        lambda path: path.write_bytes(pickle.dumps(Runs())),
        lambda path: torch.save({"centroids": CENTROIDS}, path),
        lambda path: os.truncate(path, 2**28 + 1) if path.write_bytes(b"") == 0 else None,
        lambda path: save_file({"centroids": CENTROIDS}, path),
        lambda path: stored(path, {"centroids": CENTROIDS}, "{"),
        lambda path: stored(path, {"centroids": CENTROIDS}, "[1]"),
        lambda path: stored(path, {"centroids": CENTROIDS}, {**MFCC, "kind": "os.system"}),
        lambda path: stored(path, {"centroids": CENTROIDS}, {**MFCC, "kind": ["mfcc"]}),
        lambda path: stored(path, {"centroids": CENTROIDS}, {"kind": "mfcc", "fs": 16000}),
        lambda path: stored(path, {"centroids": CENTROIDS}, {**MFCC, "fs": 10**15}),
        lambda path: stored(path, {"centroids": CENTROIDS}, {**MFCC, "fs": 0}),
        lambda path: stored(path, {"centroids": CENTROIDS}, {**MFCC, "hop_ms": 10**15}),
        lambda path: stored(path, {"centroids": CENTROIDS}, {**MFCC, "hop_ms": -20}),
        lambda path: stored(path, {"centres": CENTROIDS}, MFCC),
        lambda path: stored(path, {"centroids": CENTROIDS, "more": CENTROIDS + 1}, MFCC),
        lambda path: stored(path, {"centroids": CENTROIDS[:, :38].contiguous()}, MFCC),
        lambda path: stored(path, {"centroids": CENTROIDS[0].clone()}, MFCC),
        lambda path: stored(path, {"centroids": CENTROIDS[:1].clone()}, MFCC),
        lambda path: stored(path, {"centroids": CENTROIDS.long()}, MFCC),
        lambda path: stored(path, {"centroids": CENTROIDS * torch.nan}, MFCC),
        lambda path: stored(
            path, {"centroids": CENTROIDS}, {"kind": "layer", "system": "none", "layer": 1, "digest": ""}
        ),
    ],
)
def test_a_file_that_holds_something_else(write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "units.safetensors"
    write(path)
    with pytest.raises(InputError, match=r"units\.safetensors: .*stage 4"):
        read_units(path)
    assert not (tmp_path / "it_ran").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--layer", "1"], "--system"),
        (["--clusters", "1"], "--clusters"),
        (["--clusters", "5000"], "5000 clusters"),
        (["--hop_ms", "15"], "hop_ms 15"),
        (["--system", "none", "--layer", "1"], "none"),
        (["--fs", "8000"], "8000"),
    ],
)
def test_the_program_names_faults_and_writes_nothing(corpus, tmp_path, words, named, capsys):
    try:
        code = run(cluster_frames.main, ["--output", str(tmp_path / "u"), str(corpus / "raw/dev"), *words])
    except SystemExit as end:
        code = end.code
    assert code in (1, 2)
    assert named in capsys.readouterr().err
    assert not (tmp_path / "u").exists()
