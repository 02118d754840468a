"""One rule for usable recordings, and files that are files, whatever door they come in by."""

import numpy as np
import pytest
import soundfile
import torch

from toolkit.bin import format_audio
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.audio import AudioTable, read_audio, read_file
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.mean_fbank import MeanFbank
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.extractor import Extractor
from toolkit.systems.signals import recording_of
from toolkit.systems.verifier import Verifier
from toolkit.tasks.verification.segments import embed_segments

FS = 16000
NOISE = 0.1 * np.random.default_rng(0).standard_normal(8000).astype(np.float32)
VERIFIER = Verifier(SpeakerEmbedder(KaldiFbank(), MeanFbank(), "none"))


class Halved(SpeechEnhancer):
    fs = FS

    def forward(self, wav):
        return 0.5 * wav


class Copied(SpeakerExtractor):
    fs = FS

    def forward(self, mixture, enrolment, enrolment_lengths=None):
        return mixture


def format_stage(path, samples, folder):
    write_table(folder / "data/s/wav.scp", {"a": path})
    (folder / "work").write_text("s a\n")
    roots = ["--in_root", f"{folder}/data", "--out_root", f"{folder}/raw", "--work", f"{folder}/work", "--job", "1"]
    format_audio.main(roots)


def table(path, folder):
    write_table(folder / "table/wav.scp", {"a": path})
    return AudioTable(folder / "table", fs=FS)


DOORS = {
    "stage 2": format_stage,
    "a file to embed": lambda path, samples, folder: VERIFIER.embed(path),
    "a table to embed": lambda path, samples, folder: VERIFIER.embed_table(table(path, folder), ["a"]),
    "segments": lambda path, samples, folder: list(embed_segments(VERIFIER, table(path, folder), ["a"], 2, 0.1)),
    "a file to enhance": lambda path, samples, folder: Enhancer(Halved()).enhance(path),
    "samples to enhance": lambda path, samples, folder: Enhancer(Halved()).enhance(samples, FS),
    "a mixture": lambda path, samples, folder: Extractor(Copied()).extract(samples, NOISE, FS),
    "an enrolment": lambda path, samples, folder: Extractor(Copied()).extract(NOISE, samples, FS),
}
BAD = {
    "digital silence": 0 * NOISE,
    "silence on 16 bits": 1e-6 * NOISE,
    "a constant": np.full(8000, 0.25),
    "one sample": NOISE[:1],
    "10 ms": NOISE[:160],
    "just too short": NOISE[:1599],
    "NaN": np.where(np.arange(8000) == 4000, np.nan, NOISE),
    "the scale of 16 bits": 32768 * NOISE,
    "1e30": 1e30 * NOISE,
}
GOOD = {
    "noise": NOISE,
    "0.1 s": NOISE[:1600],
    "an offset": 0.2 + NOISE,
    "silent but for a click": np.eye(1, 8000, 77)[0],
    "a little loud": 15 * NOISE,
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("door", DOORS)
def test_nothing_is_made_of_nothing(tmp_path, door, kind):
    soundfile.write(tmp_path / "a.wav", BAD[kind], FS, subtype="FLOAT")
    with pytest.raises(InputError):
        DOORS[door](tmp_path / "a.wav", BAD[kind].astype(np.float32), tmp_path)


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.parametrize("door", DOORS)
def test_something_is_made_of_sound(tmp_path, door, kind):
    soundfile.write(tmp_path / "a.wav", GOOD[kind], FS, subtype="FLOAT")
    DOORS[door](tmp_path / "a.wav", GOOD[kind].astype(np.float32), tmp_path)


@pytest.mark.parametrize("kind", [np.int16, np.int32])
def test_whole_numbers_are_scaled_as_files_of_them_are(tmp_path, kind):
    whole = (NOISE * np.iinfo(kind).max).astype(kind)
    soundfile.write(tmp_path / "a.wav", whole, FS, subtype=f"PCM_{8 * whole.itemsize}")
    torch.testing.assert_close(Enhancer(Halved()).enhance(whole, FS), 0.5 * read_file(tmp_path / "a.wav")[0])


@pytest.mark.parametrize("name", ["touch ran; false |", "talk:12", "| touch ran", "-", "a.wav|", "ö \udcff"])
@pytest.mark.parametrize("absolute", [False, True])
def test_a_file_is_a_file_whatever_its_name(tmp_path, monkeypatch, name, absolute):
    monkeypatch.chdir(tmp_path)
    soundfile.write("x.wav", NOISE, FS, subtype="FLOAT")
    (tmp_path / "x.wav").rename(name)
    path = tmp_path / name if absolute else name
    np.testing.assert_array_equal(read_file(path)[0], NOISE)
    np.testing.assert_array_equal(recording_of(path, None).samples, NOISE)
    assert np.isfinite(VERIFIER.embed(path)).all()
    if name.endswith("|") or ":" in name:  # in a table the same words are a command, or a place in an ark
        with pytest.raises(InputError):
            read_audio(name, "a")
    assert not (tmp_path / "ran").exists()
