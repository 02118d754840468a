"""Codecs: G.711 by its own formula, alignment by cross-correlation, and what a codec leaves of a mixture as it was."""

from dataclasses import replace

import numpy as np
import pytest

from toolkit.data.datasets import MixtureDataset
from toolkit.data.item import ItemSpec
from toolkit.io.errors import InputError
from toolkit.simulate.codecs import FORMATS, Codec, code
from toolkit.simulate.plan import Mixture, Source
from toolkit.simulate.planner import MixturePlanner, Noise
from toolkit.simulate.render import render

KBPS = {"opus": 24.0, "mp3": 32.0}


def speechlike(fs, seconds=2.0, seed=0):
    """Low-pass noise in bursts, float32."""
    from scipy.signal import lfilter

    noise = np.random.default_rng(seed).standard_normal(round(seconds * fs))
    bursts = np.sin(2 * np.pi * 3 * np.arange(len(noise)) / fs) > -0.3
    out = lfilter([1], [1, -0.9], noise) * bursts
    return (0.3 * out / np.abs(out).max()).astype(np.float32)


@pytest.mark.parametrize("fs", [8000, 16000, 22050, 44100])
@pytest.mark.parametrize("name", FORMATS)
def test_output_lines_up_with_the_input(name, fs):
    samples = speechlike(fs)
    out = code(samples, fs, name, KBPS.get(name))
    assert out.shape == samples.shape
    assert out.dtype == np.float32
    size = 2 * len(samples)
    correlation = np.fft.irfft(np.fft.rfft(out, size) * np.conj(np.fft.rfft(samples, size)))
    lag = int(np.argmax(correlation))
    assert min(lag, size - lag) <= fs / 8000  # a sample of the telephone's rate


@pytest.mark.parametrize("length", [1, 2, 159, 1000])
@pytest.mark.parametrize("name", FORMATS)
def test_any_length_and_the_grid(name, length):
    out = code(2 * speechlike(16000)[4000 : 4000 + length], 16000, name, KBPS.get(name))
    assert out.shape == (length,)
    assert np.array_equal(np.rint(out * 32768), out * 32768)
    assert np.abs(out).max() <= 1.0


def test_mu_law_by_the_formula_of_g711():
    samples = np.rint(speechlike(8000) * 32768).astype(np.float32) / 32768
    steps, segments = np.arange(16), np.arange(8)[:, None]
    magnitudes = 4 * ((2 * steps + 33) * 2**segments - 33).ravel()  # 14 bits, as 16
    levels = np.unique(np.r_[-magnitudes, magnitudes])
    out = code(samples, 8000, "ulaw") * 32768
    assert set(out) <= set(levels)
    gaps = np.diff(levels)
    place = np.searchsorted(levels, out)
    widest = np.maximum(gaps[np.maximum(place - 1, 0)], gaps[np.minimum(place, len(gaps) - 1)])
    assert np.all(np.abs(out - samples * 32768) <= widest / 2 + 4)  # a step of the 14-bit input


def test_narrowband_keeps_what_is_below_4_khz():
    time = np.arange(32000) / 16000
    low, high = (0.3 * np.sin(2 * np.pi * hz * time).astype(np.float32) for hz in (1000, 6000))
    middle = slice(1000, -1000)
    assert np.allclose(code(low + high, 16000, "narrowband")[middle], low[middle], atol=1e-3)


def test_more_bits_leave_less_error():
    samples = speechlike(16000)
    errors = [np.square(code(samples, 16000, "opus", kbps) - samples).mean() for kbps in (8, 24, 96)]
    assert errors[0] > 1.5 * errors[1] > 1.5 * errors[2]


@pytest.mark.parametrize(
    ("codecs", "word"),
    [
        ({"amr": Codec()}, "amr"),
        ({"opus": Codec()}, "kbps"),
        ({"opus": Codec((2, 300))}, "256"),
        ({"opus": Codec((24, 12))}, "lower first"),
        ({"gsm": Codec((13, 13))}, "gsm"),
        ({"gsm": Codec(weight=0)}, "weight"),
    ],
)
def test_wrong_codecs_are_refused(codecs, word):
    with pytest.raises(InputError, match=word):
        MixturePlanner(codecs=codecs)
    with pytest.raises(InputError, match="codec_prob"):
        MixturePlanner(codecs={"gsm": Codec()}, codec_prob=1.5)


def test_plan_lines():
    plain = Mixture("m", 8000, 10, (Source("spk1", "a", 10),), "s")
    assert "codec" not in plain.to_json()
    assert "kbps" not in plain.to_json()
    coded = replace(plain, codec="opus", kbps=12.5)
    assert Mixture.from_json(coded.to_json()) == coded
    for wrong in ({"codec": "amr"}, {"kbps": 12.0}, {"codec": "opus"}, {"codec": "gsm", "kbps": 13.0}):
        with pytest.raises(InputError, match="m: "):
            replace(plain, **wrong)


@pytest.fixture(scope="module")
def planners(corpus):
    """The same planner without codecs and with them."""
    noises = {"noise": Noise([str(corpus / "raw" / "noise")])}
    codecs = {"opus": Codec((12, 32)), "gsm": Codec(weight=3)}
    return MixturePlanner(noises).open(), MixturePlanner(noises, codecs=codecs, codec_prob=0.5).open()


def test_a_codec_changes_nothing_else_of_a_mixture(planners):
    lines = [[p.draw((0, n), f"m{n}", "s00-u0", "s00", 20000, 16000) for n in range(400)] for p in planners]
    for plain, coded in zip(*lines, strict=True):
        facts = {key: value for key, value in coded.facts.items() if key not in ("codec", "kbps")}
        assert replace(coded, codec=None, kbps=None, facts=facts) == plain
    drawn = [line.codec for line in lines[1]]
    assert 150 < drawn.count(None) < 250  # half, within 5 sigma
    assert 2 < drawn.count("gsm") / drawn.count("opus") < 4.5
    assert all((line.codec == "opus") == ("kbps" in line.facts) for line in lines[1])


def test_targets_are_not_coded(corpus):
    from toolkit.io.audio import AudioTable

    audio = AudioTable(corpus / "raw" / "train", corpus / "raw" / "noise")
    noises = {"noise": Noise([str(corpus / "raw" / "noise")])}
    planner = MixturePlanner(noises, codecs={"ulaw": Codec()}).open()
    mixture = planner.draw((0,), "m", "s00-u0", "s00", audio.num_samples("s00-u0"), 16000)
    coded, plain = render(mixture, audio), render(replace(mixture, codec=None), audio)
    assert np.array_equal(coded["spk1"], plain["spk1"])
    assert np.array_equal(coded["noise1"], plain["noise1"])
    assert np.array_equal(coded["wav"], code(plain["wav"], 16000, "ulaw"))
    assert not np.array_equal(coded["wav"], plain["wav"])


def test_training_leaves_clean_members_uncoded(corpus):
    def item(planner, member):
        data = MixtureDataset(planner, clean_members=1).open(str(corpus / "raw" / "train"), 16000)
        return data[ItemSpec(0, 1, 0, 0.5, member)]["wav"]

    plain, coded = MixturePlanner(), MixturePlanner(codecs={"gsm": Codec()})
    assert np.array_equal(item(plain, 0), item(coded, 0))
    assert np.array_equal(code(item(plain, 1), 16000, "gsm"), item(coded, 1))
