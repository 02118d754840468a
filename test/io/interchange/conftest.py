"""Data dirs to convert, of one plain and one difficult kind."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from test.conftest import FS, format_sets, voice, write_speech
from toolkit.io.datadir import read_table, write_table
from toolkit.io.formatting import SegmentReader

TABLES = ("utt2spk", "spk2utt", "text", "spk2gender", "utt2snr", "utt2lang", "segments", "reco2file_and_channel")


@pytest.fixture
def plain(tmp_path):
    """Whole recordings in files, with text, gender, a fact, and an id that is no file name."""
    folder = write_speech(tmp_path / "plain", 2, 2, 0.3)
    ids = [*read_table(folder / "utt2spk")]
    wav = dict(read_table(folder / "wav.scp"))
    wav["s01-a.b/c%20é"] = wav.pop(ids[-1])
    write_table(folder / "wav.scp", wav)
    write_table(folder / "utt2spk", {key: key[:3] for key in wav})
    write_table(folder / "spk2utt", {spk: " ".join(sorted(k for k in wav if k[:3] == spk)) for spk in ("s00", "s01")})
    write_table(folder / "text", {key: f"GRÜSSE {n}  UND MEHR" for n, key in enumerate(wav)})
    write_table(folder / "utt2snr", {key: n - 1.5 for n, key in enumerate(wav)})
    write_table(folder / "utt2lang", dict.fromkeys(wav, "de"))
    write_table(folder / "spk2gender", {"s00": "f", "s01": "m"})
    return folder


@pytest.fixture
def cut(tmp_path):
    """Segments of a recording of 16 bits, of one of floats, and of one side of a call of two channels."""
    folder = tmp_path / "cut"
    folder.mkdir()
    soundfile.write(tmp_path / "long.flac", voice(0, 0, 2.0), FS)
    soundfile.write(tmp_path / "floats.wav", voice(1, 0, 1.0, 8000), 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "call.wav", np.stack([voice(2, 0, 1.0), voice(3, 0, 1.0)], 1), FS, subtype="PCM_24")
    places = {"call-B": "call.wav", "floats": "floats.wav", "long": "long.flac"}
    write_table(folder / "wav.scp", {key: tmp_path / name for key, name in places.items()})
    write_table(folder / "reco2file_and_channel", {"call-B": "call B", "floats": "floats A", "long": "long A"})
    segments = {"a-1": "long 0.1 0.7", "a-2": "long 1.25 2", "b-1": "floats 0.333 0.875", "c-1": "call-B 0.2 0.9"}
    write_table(folder / "segments", segments)
    write_table(folder / "utt2spk", {key: key[0] for key in segments})
    write_table(folder / "spk2utt", {"a": "a-1 a-2", "b": "b-1", "c": "c-1"})
    return folder


@pytest.fixture
def in_arks(tmp_path):
    """A formatted set: FLAC in arks."""
    write_speech(tmp_path / "data/set", 2, 2, 0.3)
    format_sets(tmp_path, "set")
    return tmp_path / "raw/set"


def tables(folder: Path) -> dict[str, dict[str, str]]:
    """The tables of a data dir, but for the places of its audio."""
    return {name: dict(read_table(folder / name)) for name in TABLES if (folder / name).exists()}


def audio(folder: Path) -> dict[str, tuple[np.ndarray, int]]:
    """Utterance -> samples and rate, as stage 2 reads them."""
    from toolkit.io.datadir import DataDir

    data = DataDir(folder)
    reader = SegmentReader(data, data.keys(), None)
    return {key: reader.read(key) for key in data.keys()}


def assert_same_audio(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    for key, (samples, rate) in one.items():
        np.testing.assert_array_equal(other[key][0], samples)
        assert other[key][1] == rate
