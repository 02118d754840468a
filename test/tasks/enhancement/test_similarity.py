"""Likeness to the enrolment: the cosine of two embeddings, of signals as they are and at the embedder's rate."""

import math

import numpy as np
import pytest
import soundfile

from test.conftest import voice
from toolkit.features.kaldi_fbank import KaldiFbank
from toolkit.io.datadir import write_table
from toolkit.io.errors import InputError
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.mean_fbank import MeanFbank
from toolkit.systems.verifier import Verifier
from toolkit.tasks.enhancement.similarity import Similarity


@pytest.fixture
def verifier():
    frontend = KaldiFbank()
    return Verifier(SpeakerEmbedder(frontend, MeanFbank(frontend.dim), "none"))


def data_dir(path, fs):
    path.mkdir()
    soundfile.write(path / "e.wav", voice(0, 1, 1.0, fs), fs)
    for table, value in (("wav.scp", "e.wav"), ("utt2spk", "s"), ("enroll_spk1.scp", str(path / "e.wav"))):
        write_table(path / table, {"s-m": value})
    return path


@pytest.mark.parametrize("fs", [8000, 16000])
def test_it_is_the_cosine_of_two_files(verifier, tmp_path, fs):
    path, sounds = data_dir(tmp_path / "set", fs), {"a": voice(0, 0, 1.0, fs), "b": voice(3, 0, 1.0, fs)}
    values, undefined = Similarity(verifier, path).score("s-m", fs, **sounds)
    assert undefined == {}
    for name, sound in sounds.items():
        soundfile.write(tmp_path / f"{name}.wav", sound, fs, subtype="FLOAT")
        expected = verifier.embed(tmp_path / f"{name}.wav") @ verifier.embed(path / "e.wav")
        assert values[name] == pytest.approx(expected, abs=1e-5)
    assert values["a"] > values["b"]  # the same voice


def test_silence_has_none(verifier, tmp_path):
    path = data_dir(tmp_path / "set", 16000)
    values, undefined = Similarity(verifier, path).score("s-m", 16000, a=np.zeros(800, np.float32))
    assert math.isnan(values["a"])
    assert undefined == {"a": "silent estimate"}


def test_a_set_without_enrolments_is_refused(verifier, tmp_path):
    path = data_dir(tmp_path / "set", 16000)
    (path / "enroll_spk1.scp").unlink()
    with pytest.raises(InputError, match=r"enroll_spk1\.scp"):
        Similarity(verifier, path)
