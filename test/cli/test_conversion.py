"""voxsift enhance and extract: files are what Enhancer and Extractor give, in their places."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from toolkit.cli.shared import conversion
from toolkit.io.ark import ArkWriter
from toolkit.models.se.base import SpeechEnhancer
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.extractor import Extractor

STEP = 1 / 32768


def read(path) -> np.ndarray:
    return soundfile.read(path, dtype="float32")[0]


@pytest.fixture(scope="module")
def enhancer(shipped):
    return Enhancer.load(shipped / "se_convtasnet.zip")


@pytest.mark.parametrize("keep", [0, 0.1])
def test_a_file_is_what_the_system_gives(voxsift, enhancer, keep):
    code, out, _ = voxsift("enhance", "slow.wav", "-o", "new/out.wav", "--keep", keep)
    assert (code, out) == (0, b"new/out.wav\n")
    np.testing.assert_allclose(read("new/out.wav"), enhancer.enhance("slow.wav", observation=keep), atol=STEP)


def test_each_channel_at_its_rate(voxsift, enhancer):
    code, results, _ = voxsift("enhance", "stereo.flac", "-o", "out", "--json")
    assert code == 0
    assert [results[0][key] for key in ("output", "fs", "channels", "seconds")] == ["out/stereo.flac", 44100, 2, 0.5]
    made, fs = soundfile.read("out/stereo.flac")
    assert (made.shape, fs) == ((22050, 2), 44100)
    for channel in (0, 1):
        expected = enhancer.enhance("stereo.flac", channel=channel)
        np.testing.assert_allclose(made[:, channel], expected, atol=STEP)


def test_folders_globs_tables_and_arks(voxsift):
    with ArkWriter("a.ark") as ark:
        ark.write_audio("id-1", read("slow.wav"), 8000)
    Path("a.scp").write_text(f"id-1 {ark.scp['id-1']}\nid-2 spk/s0/u0.wav\n")
    assert voxsift("enhance", "a.scp", "-o", "x")[0] == 0
    assert Path("x/wav.scp").read_text() == "id-1 x/id-1.wav\nid-2 x/id-2.wav\n"
    assert voxsift("enhance", "spk", "*low.wav", "-o", "y")[0] == 0
    assert len(list(Path("y").glob("s*/u*.wav"))) == 12
    np.testing.assert_array_equal(read("x/id-1.wav"), read("y/slow.wav"))
    np.testing.assert_array_equal(read("x/id-2.wav"), read("y/s0/u0.wav"))


def test_standard_input_and_output(voxsift):
    voxsift("enhance", "slow.wav", "-o", "a.wav")
    Path("out").mkdir()
    assert voxsift("enhance", "-", "-o", "out", stdin=Path("slow.wav").read_bytes())[0] == 0
    np.testing.assert_array_equal(read("out/stdin.wav"), read("a.wav"))
    assert voxsift("enhance", "-", "-o", "b.wav")[0] == 1
    assert voxsift("enhance", "-", "-o", "b.wav", stdin=b"no audio")[2].startswith("error: -: ")


def test_what_is_there_is_kept(voxsift):
    Path("out").mkdir()
    Path("out/slow.wav").write_text("mine")
    assert b"kept" in voxsift("enhance", "slow.wav", "-o", "out")[1]
    assert Path("out/slow.wav").read_text() == "mine"
    assert voxsift("enhance", "slow.wav", "-o", "out", "--overwrite")[0] == 0
    assert len(read("out/slow.wav")) == 4000


def test_one_bad_input_stops_no_other(voxsift, caplog):
    code, _, err = voxsift("enhance", "bad.wav", "short.wav", "silent.wav", "slow.wav", "-o", "out")
    assert code == 1
    assert {path.name for path in Path("out").iterdir()} == {"silent.wav", "slow.wav"}
    assert not read("out/silent.wav").any()
    assert {"bad.wav", "short.wav"} <= {word.rstrip(":") for word in err.split()}
    assert "silent.wav: is digital silence" in caplog.text


def test_neither_an_input_nor_its_table_is_overwritten(voxsift):
    Path("d").mkdir()
    sound = Path("slow.wav").read_bytes()
    Path("d/u-1.wav").write_bytes(sound)
    for table, value in (("d/wav.scp", "slow.wav"), ("a.scp", "d/u-1.wav")):
        Path(table).write_text(f"u-1 {value}\n")
        assert voxsift("enhance", table, "-o", "d", "--overwrite")[0] == 1
        assert Path(table).read_text() == f"u-1 {value}\n"
        assert Path("d/u-1.wav").read_bytes() == sound


def test_a_table_of_other_outputs_is_kept(voxsift):
    Path("a.scp").write_text("u-1 slow.wav\n")
    Path("b.scp").write_text("u-2 slow.wav\n")
    Path("both.scp").write_text("u-1 slow.wav\nu-2 slow.wav\n")
    assert voxsift("enhance", "a.scp", "-o", "out")[0] == 0
    assert voxsift("enhance", "b.scp", "-o", "out")[0] == 1
    assert {path.name for path in Path("out").iterdir()} == {"wav.scp", "u-1.wav"}
    assert voxsift("enhance", "both.scp", "-o", "out")[0] == 0
    assert Path("out/wav.scp").read_text() == "u-1 out/u-1.wav\nu-2 out/u-2.wav\n"
    assert voxsift("enhance", "b.scp", "-o", "out", "--overwrite")[0] == 0
    assert Path("out/wav.scp").read_text() == "u-2 out/u-2.wav\n"


def test_a_name_that_is_no_text_is_refused(voxsift):
    Path("odd").mkdir()
    Path(os.fsdecode(b"odd/\xff.wav")).write_bytes(Path("slow.wav").read_bytes())
    for words in ("odd", "odd/*"):
        assert "UTF-8" in voxsift("enhance", words, "-o", "out")[2]


class Smooth(SpeechEnhancer):
    """Mean of nine neighbours; remembers how much it was given at once."""

    fs = 16000

    def __init__(self):
        super().__init__()
        self.longest = 0

    def forward(self, wav):
        self.longest = max(self.longest, wav.shape[1])
        return torch.nn.functional.avg_pool1d(wav, 9, 1, 4)


def test_recordings_of_phones_are_named(voxsift, caplog):
    """In a folder they are passed over with a warning; by themselves they are an error that says what to do."""
    Path("phone").mkdir()
    soundfile.write("phone/a.wav", soundfile.read("slow.wav")[0], 8000)
    Path("phone/memo.M4A").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(999))
    assert voxsift("enhance", "phone", "-o", "out")[0] == 0
    assert "memo.M4A" in caplog.text
    code, _, err = voxsift("enhance", "phone/memo.M4A", "-o", "out")
    assert code == 1
    assert "ffmpeg" in err


def test_a_long_file_is_the_whole_away_from_seams(voxsift, monkeypatch):
    """Three hours would be the same: the network gets a block and the overlap at most."""
    network = Smooth()
    monkeypatch.setattr("toolkit.cli.shared.systems.load_system", lambda *_: Enhancer(network))
    monkeypatch.setattr(conversion, "BLOCK_SECONDS", 0.25)
    monkeypatch.setattr(conversion, "OVERLAP_SECONDS", 0.05)
    noisy = np.random.default_rng(0).uniform(-0.5, 0.5, 16000).astype(np.float32)
    soundfile.write("long.wav", noisy, 16000, subtype="FLOAT")
    assert voxsift("enhance", "long.wav", "-o", "out.wav")[0] == 0
    assert network.longest == 16000 * 0.3
    whole, near = Enhancer(network).enhance("long.wav"), np.zeros(16000, bool)
    for seam in (4000, 8000, 12000):
        near[seam - 800 : seam] = True
    differences = np.abs(read("out.wav") - whole)
    assert len(differences) == 16000
    assert differences[~near].max() < STEP
    assert differences.max() < 0.5


def test_blocks_of_many_channels_are_shorter(voxsift, monkeypatch):
    network = Smooth()
    monkeypatch.setattr("toolkit.cli.shared.systems.load_system", lambda *_: Enhancer(network))
    monkeypatch.setattr(conversion, "BLOCK_SECONDS", 0.25)
    monkeypatch.setattr(conversion, "OVERLAP_SECONDS", 0.05)
    noisy = np.random.default_rng(0).uniform(-0.5, 0.5, (8000, 16)).astype(np.float32)
    soundfile.write("many.wav", noisy, 16000, subtype="FLOAT")
    assert voxsift("enhance", "many.wav", "-o", "out.wav")[0] == 0
    assert read("out.wav").shape == noisy.shape
    assert 16 * (network.longest - 800) == 8 * 4000  # samples of a block of eight channels, without the overlap


@pytest.mark.parametrize("enrolments", [["spk/s0/u0.wav", "spk/s0/u1.wav"], ["slow.wav"]])
def test_extraction_is_what_the_system_gives(voxsift, shipped, caplog, enrolments):
    assert voxsift("extract", "--enroll", *enrolments, "-o", "out.wav", "--", "spk/s1/u0.wav")[0] == 0
    assert "3 s" in caplog.text  # of speech are good; here are two or less
    check_extraction(shipped, enrolments)


def test_the_channel_is_that_of_the_enrolment_too(voxsift, shipped):
    """Its remedy, --channel 0, is one."""
    words = ["extract", "--enroll", "stereo.flac", "-o", "out.wav"]
    code, _, err = voxsift(*words, "--", "spk/s1/u0.wav")
    assert code == 1
    assert "--channel 0" in err
    assert voxsift(*words, "--channel", "0", "--", "spk/s1/u0.wav")[0] == 0
    soundfile.write("left.wav", read("stereo.flac")[:, 0], 44100, subtype="FLOAT")
    check_extraction(shipped, ["left.wav"])


def check_extraction(shipped, enrolments):
    expected = Extractor.load(shipped / "tse_sefpnet.zip").extract("spk/s1/u0.wav", enrolments)
    peak = max(1.0, np.abs(expected).max() / 0.99)
    np.testing.assert_allclose(read("out.wav"), expected / peak, atol=STEP)


@pytest.mark.parametrize(
    "words",
    [
        ["nowhere.wav", "-o", "out"],
        ["no*where", "-o", "out"],
        ["slow.wav", "spk/../slow.wav", "-o", "out"],
        ["slow.wav", "stereo.flac", "-o", "out.wav"],
        ["slow.wav", "-o", "slow.wav"],
        ["slow.wav", "-o", "out.xyz", "--model", "nowhere"],
        ["slow.wav", "-o", "out.m4a"],
        ["slow.wav", "-o", "out", "--model", "asr_tiny"],
        ["slow.wav", "-o", "out", "--keep", "2"],
        ["slow.wav", "-o", "out", "--device", "cuda:77"],
        ["slow.wav", "-o", "-", "--json"],
        ["stereo.flac", "-o", "out", "--channel", "7"],
        ["-", "-", "-o", "out"],
        [".", "-o", "out"],
        ["slow.wav", "-o", "slow.wav/x/y.wav"],
    ],
)
def test_bad_input_leaves_nothing(voxsift, words, place):
    before = {path.name for path in place.iterdir()}
    assert voxsift("enhance", *words)[0] == 1
    left = {path.name for path in place.iterdir()} - before
    assert left <= {"out"}
    assert not left or not [path for path in Path("out").rglob("*") if path.is_file() and path.suffix == ".tmp"]


@pytest.mark.parametrize("words", [[], ["slow.wav"], ["slow.wav", "-o", "out", "--format", "mp3"], ["a", "--nonsense"]])
def test_usage(voxsift, words):
    assert voxsift("enhance", *words)[0] == 1


@pytest.mark.parametrize(
    "content",
    ["id-1 touch ran |\n", "../up slow.wav\n", "a//b slow.wav\n", ". slow.wav\n", "id-1\n", "", "id-1 no.ark:7\n"],
)
def test_tables_that_are_refused(voxsift, content):
    Path("a.scp").write_text(content)
    assert voxsift("enhance", "a.scp", "-o", "out")[0] == 1
    assert not Path("ran").exists()
    assert not Path("up.wav").exists()
