"""Tiny systems by name, and recordings of four speakers, in a folder by themselves."""

import io
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml

from test.conftest import voice
from toolkit.cli.main import main
from toolkit.data.text_units import TextUnits, train_units
from toolkit.systems import named
from toolkit.systems.packing import pack
from toolkit.systems.recognizer import Recognizer
from toolkit.train.checkpoint import save

OLD = Path(__file__).parents[1] / "fixtures/v0.1"
FS = 16000


def write_recognizer(folder: Path) -> None:
    """An untrained recogniser of letters."""
    folder.mkdir()
    units = TextUnits(train_units(["LA MI SO RE"] * 9))
    network = {"num_units": len(units), "n_mels": 8, "dim": 8, "heads": 2, "hidden": 16, "blocks": 1, "kernel_size": 5}
    config = {
        "task": "asr",
        "frontend": {"class_path": "KaldiFbank", "init_args": {"n_mels": 8}},
        "model": {"class_path": "Conformer", "init_args": network | {"decoder_blocks": 1, "decoder_hidden": 16}},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    torch.manual_seed(0)
    transcriber = Recognizer.build(folder / "config.yaml")
    transcriber.take_units(units)
    save(folder / Recognizer.weights, transcriber.state_dict())


@pytest.fixture(scope="session")
def shipped(tmp_path_factory):
    """A folder of packed systems, one for each verb."""
    folder = tmp_path_factory.mktemp("pretrained")
    for name in ("sv_ecapa", "se_convtasnet", "tse_sefpnet"):
        shutil.copy(OLD / f"{name}.zip", folder)
    write_recognizer(folder / "asr")
    pack(folder / "asr", folder / "asr_tiny.zip")
    return folder


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    """``spk/<speaker>/<n>.wav``, ``stereo.flac``, ``slow.wav`` at 8 kHz, ``bad.wav``, ``short.wav``, ``silent.wav``."""
    folder = tmp_path_factory.mktemp("recordings")
    for speaker in range(4):
        (folder / f"spk/s{speaker}").mkdir(parents=True)
        for utt in range(3):
            soundfile.write(folder / f"spk/s{speaker}/u{utt}.wav", voice(speaker, utt, 1.2), FS)
    stereo = np.stack([voice(0, 5, 0.5, 44100), voice(1, 5, 0.5, 44100)], 1)
    soundfile.write(folder / "stereo.flac", stereo, 44100)
    soundfile.write(folder / "slow.wav", voice(2, 5, 0.5, 8000), 8000)
    soundfile.write(folder / "short.wav", voice(2, 5, 0.05), FS)
    soundfile.write(folder / "silent.wav", np.zeros(FS), FS)
    (folder / "bad.wav").write_bytes(b"RIFF1234WAVEnonsense")
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch, shipped, recordings):
    """The current folder, with the recordings and no other models than those of ``shipped``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(named, "SHIPPED", shipped)
    monkeypatch.setattr(named, "_PUBLISHED", {})
    for path in recordings.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


@pytest.fixture
def voxsift(place, capsysbinary, monkeypatch):
    """Call ``voxsift`` with some words: ``(exit code, standard output, standard error)``; JSON is parsed."""

    def call(*words, stdin: bytes = b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsysbinary.readouterr()
        code = main([str(word) for word in words])
        out, err = capsysbinary.readouterr()
        assert code in (0, 1)
        assert b"Traceback" not in err
        assert (b"error: " in err) == (code > 0)
        return code, json.loads(out) if "--json" in words and code == 0 else out, err.decode()

    return call
