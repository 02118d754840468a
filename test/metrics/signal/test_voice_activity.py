"""Speech of a synthesiser in silence, so that begins and ends are known; the network needs the extra vad."""

import importlib.util
import sys

import numpy as np
import pytest

from toolkit.io.errors import InputError
from toolkit.io.samples import resample
from toolkit.metrics.signal.intrusive import Undefined
from toolkit.metrics.signal.registry import check_metrics
from toolkit.metrics.signal.voice_activity import active_windows, speech_intervals
from toolkit.simulate.minicorpus.espeak import RATE, speak

FS = 16000
installed = all(map(importlib.util.find_spec, ("silero_vad", "onnxruntime")))
needs_network = pytest.mark.skipif(not installed, reason="the extra vad is not installed")


@pytest.fixture(scope="module")
def sentences():
    """(N,) at 16 kHz: silence, speech, silence, speech, silence; and begins and ends of the speech in seconds."""
    message = resample(speak("the meeting begins at a quarter past nine", "en-us"), RATE, FS)
    message = message[slice(*np.flatnonzero(np.abs(message) > 0.01)[[0, -1]])]
    silence, begin = np.zeros(FS, np.float32), 1 + len(message) / FS
    sound = np.concatenate([silence, message, silence, message, silence[: FS // 2]])
    return sound, np.array([[1, begin], [begin + 1, begin + 1 + len(message) / FS]])


@needs_network
@pytest.mark.parametrize("fs", [16000, 8000, 44100])
def test_speech_is_found_where_it_is(sentences, fs):
    sound, expected = sentences
    actual = speech_intervals(resample(sound, FS, fs), fs)
    np.testing.assert_allclose(actual, expected, atol=0.2)


@needs_network
def test_gain_changes_little(sentences):
    sound, expected = sentences
    for gain in (0.1, 0.5):
        np.testing.assert_allclose(speech_intervals(gain * sound, FS), expected, atol=0.2)


@needs_network
def test_silence_and_noise_are_no_speech():
    noise = 0.05 * np.random.default_rng(0).standard_normal(2 * FS)
    for sound in (np.zeros(2 * FS), noise, np.zeros(10), np.zeros(0)):
        assert speech_intervals(sound, FS).shape == (0, 2)
    with pytest.raises(Undefined, match="^estimate not finite$"):
        speech_intervals(np.full(FS, np.nan), FS)


@needs_network
@pytest.mark.parametrize("fs", [16000, 8000])
def test_speech_is_that_of_the_package(sentences, fs):
    torch, package = pytest.importorskip("torch"), pytest.importorskip("silero_vad")
    sound = resample(sentences[0], FS, fs)
    network = package.load_silero_vad(onnx=True)
    theirs = package.get_speech_timestamps(torch.from_numpy(sound), network, sampling_rate=fs)
    expected = [[part["start"], part["end"]] for part in theirs]
    np.testing.assert_allclose(speech_intervals(sound, fs) * fs, expected, atol=1)


def windows(text):
    """h: speech for sure, l: none for sure, -: between."""
    active = active_windows(np.array([{"h": 0.9, "l": 0.1, "-": 0.4}[c] for c in text]))
    return "".join("x" if x else "." for x in active)


def test_speech_goes_on_between_the_thresholds_and_over_short_pauses():
    assert windows("l-hh-hl") == "..xxxxx"  # 32 ms, then the end
    assert windows("-hllllh") == ".xxxxxx"  # the last window below 0.35 begins 96 ms after the first
    assert windows("-hlllllh") == ".x.....x"  # 128 ms
    assert windows("hlll---h") == "xxxxxxxx"
    assert windows("hl---lhl") == "x.....xx"
    assert windows("llllll--") == "........"


def test_a_missing_extra_is_named(monkeypatch):
    for module in ("onnxruntime", "silero_vad"):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(InputError, match="^onnxruntime is not installed: tools/install.sh --extras vad$"):
            check_metrics(["si_sdr", "timing_f1"])
