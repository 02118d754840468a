"""voxsift enhance --stream, extract --stream and live: as the whole recording."""

import io
import sys
import wave
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from test.helpers.tiny_networks import tiny
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.extractor import Extractor
from toolkit.systems.inference.system_origin import Origin

FS = 16000
VOICE = "spk/s1/u0.wav"


@pytest.fixture
def enhancer(place, monkeypatch):
    """A tiny GTCRN, as the default enhancer."""
    system = Enhancer(tiny("GTCRN"))
    monkeypatch.setattr("toolkit.cli.shared.systems.load_system", lambda *_: system)
    return system


@pytest.fixture
def extractor(place, monkeypatch):
    """A tiny GTCRNExtractor, as the default extractor."""
    system = Extractor(tiny("GTCRNExtractor"), Origin(training={"scale_invariant_loss": False}))
    monkeypatch.setattr("toolkit.cli.shared.systems.load_system", lambda *_: system)
    return system


def integers() -> np.ndarray:
    return (32768 * soundfile.read("spk/s0/u0.wav")[0][:9999]).astype("<i2")


def wav_bytes(samples: np.ndarray, fs: int = FS, channels: int = 1, width: int = 2) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(fs)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize("keep", [0, 0.2])
def test_raw_samples(voxsift, enhancer, keep):
    samples = integers()
    code, out, err = voxsift("enhance", "--stream", "-", "-o", "-", "--keep", keep, stdin=samples.tobytes())
    assert code == 0
    expected = enhancer.enhance(samples, FS, keep) * 32768
    np.testing.assert_allclose(np.frombuffer(out, "<i2"), expected.clip(-32768, 32767), atol=0.51 + 32768e-5)
    assert "4.0 ms" in err  # a window of 64 samples


@pytest.mark.parametrize("block", [[], ["--block_ms", "3"], ["--block_ms", "250"]])
def test_an_enrolled_speaker(voxsift, extractor, block):
    samples = integers()
    words = ["extract", "--stream", "--enroll", VOICE, "-o", "-", *block, "--", "-"]
    code, out, err = voxsift(*words, stdin=samples.tobytes())
    assert code == 0
    expected = extractor.extract(samples, VOICE, FS) * 32768
    np.testing.assert_allclose(np.frombuffer(out, "<i2"), expected.clip(-32768, 32767), atol=0.51 + 32768e-5)
    assert "4.0 ms" in err


@pytest.mark.parametrize("known", [True, False], ids=["whole", "of unknown length"])
def test_wav(voxsift, enhancer, known):
    content = wav_bytes(integers())
    if not known:  # as ffmpeg and arecord write to a pipe
        content = content[:4] + b"\xff\xff\xff\xff" + content[8:40] + b"\xff\xff\xff\xff" + content[44:]
    code, out, _ = voxsift("enhance", "--stream", "-", "-o", "-", stdin=content)
    assert code == 0
    with wave.open(io.BytesIO(out)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, FS)
    expected = enhancer.enhance(integers(), FS) * 32768
    np.testing.assert_allclose(np.frombuffer(out[44:], "<i2"), expected, atol=0.51 + 32768e-5)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"RIFF1234WAVEnonsense",
        wav_bytes(np.zeros(800, "<i2"), 8000),
        wav_bytes(np.zeros(800, "<i2"), channels=2),
        wav_bytes(np.zeros(800, np.uint8), width=1),
    ],
    ids=["empty", "half a sample", "damaged", "rate", "channels", "bits"],
)
def test_bad_input(voxsift, enhancer, content):
    code, out, _ = voxsift("enhance", "--stream", "-", "-o", "-", stdin=content)
    assert (code, out) == (1, b"")


@pytest.mark.parametrize("form", ["FLAC", "RF64", "W64", "OGG", "AIFF", "AU", "CAF", "NIST"])
def test_an_encoded_file_is_not_taken_for_samples(voxsift, enhancer, form):
    """As 16-bit samples its bytes are noise at full scale."""
    file = io.BytesIO()
    soundfile.write(file, np.zeros(FS), FS, format=form)
    code, out, _ = voxsift("enhance", "--stream", "-", "-o", "-", stdin=file.getvalue())
    assert (code, out) == (1, b"")


@pytest.mark.parametrize(
    "words",
    [
        ["enhance", "--stream", "slow.wav", "-o", "-"],
        ["enhance", "--stream", "-", "-o", "x.wav"],
        ["enhance", "--stream", "-", "-o", "-", "--json"],
        ["enhance", "--stream", "-", "-o", "-", "--channel", "0"],
        ["enhance", "slow.wav", "-o", "x.wav", "--block_ms", "32"],
        ["extract", "--stream", "--enroll", "-", "-o", "-", "--", "-"],
        ["live", "--enroll", VOICE, "--keep", "0.1"],
    ],
)
def test_bad_options(voxsift, place, words):
    assert voxsift(*words, stdin=b"\0\0")[0] == 1
    assert not Path("x.wav").exists()


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["enhance", "--stream", "-", "-o", "-"], ["ConvTasNet", "GTCRN", "Demucs"]),
        (["live"], ["ConvTasNet", "GTCRN", "Demucs"]),
        (["extract", "--stream", "--enroll", VOICE, "-o", "-", "--", "-"], ["SEFPNet", "GTCRNExtractor"]),
        (["live", "--enroll", VOICE], ["SEFPNet", "GTCRNExtractor"]),
    ],
)
def test_what_cannot_stream_is_refused(voxsift, words, names):
    """In a line that names what can."""
    code, out, err = voxsift(*words, stdin=b"\0\0")
    assert (code, out) == (1, b"")
    assert all(name in err.splitlines()[-1] for name in names)


class FakeDevice(ModuleType):
    """The module sounddevice with a microphone of known samples; keeps what is played."""

    def __init__(self, samples: np.ndarray, fails: bool = False):
        super().__init__("sounddevice")
        self.samples, self.fails, self.played, self.options = samples, fails, [], {}

    def Stream(self, **options):
        if self.fails:
            raise ValueError("no such device")
        self.options = options
        return self

    def __enter__(self):
        return self

    def __exit__(self, *fault):
        return None

    def read(self, count):
        if not len(self.samples):
            raise KeyboardInterrupt
        part, self.samples = self.samples[:count], self.samples[count:]
        return part[:, None], False

    def write(self, samples):
        self.played.append(samples[:, 0])
        return False


@pytest.mark.parametrize("words", [[], ["--seconds", "0.32", "--input_device", "3", "--output_device", "USB"]])
def test_live(voxsift, enhancer, monkeypatch, words):
    samples = (integers()[:5120] / 32768).astype(np.float32)
    device = FakeDevice(samples)
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    assert voxsift("live", *words)[0] == 0
    np.testing.assert_allclose(np.concatenate(device.played), enhancer.enhance(samples, FS), atol=1e-5)
    assert device.options["samplerate"] == FS
    assert device.options["device"] == ((3, "USB") if words else (None, None))


def test_live_with_an_enrolled_speaker(voxsift, extractor, monkeypatch):
    samples = (integers()[:5120] / 32768).astype(np.float32)
    device = FakeDevice(samples)
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    assert voxsift("live", "--enroll", VOICE, "spk/s1/u1.wav")[0] == 0
    expected = extractor.extract(samples, [VOICE, "spk/s1/u1.wav"], FS)
    np.testing.assert_allclose(np.concatenate(device.played), expected, atol=1e-5)


def test_live_without_a_device(voxsift, enhancer, monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", FakeDevice(np.zeros(9, np.float32), fails=True))
    assert voxsift("live")[0] == 1
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    code, _, err = voxsift("live")
    assert code == 1
    assert "--extras live" in err
    assert not list(Path().glob("*.tmp"))
