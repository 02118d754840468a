import math
import subprocess
import sys

import numpy as np
import pytest
from conftest import voice
from helpers.in_children import crash

from toolkit.io.errors import InputError
from toolkit.metrics.signal import intrusive as signal
from toolkit.metrics.signal.intrusive import Undefined, estoi, library, pesq, sdr, si_sdr, stoi, wave_snr
from toolkit.metrics.signal.registry import COMPUTED, compute

FS = 16000


def test_si_sdr_of_orthogonal_distortion_is_the_ratio_of_energies():
    t = np.arange(1000) / 1000
    s, n = np.sin(2 * np.pi * 5 * t), np.cos(2 * np.pi * 9 * t)
    assert si_sdr(s + 0.1 * n, s) == pytest.approx(20)
    assert si_sdr(-7 * (s + n), 0.3 * s) == pytest.approx(0, abs=1e-9)
    assert si_sdr(s + 0.1 * n + 5, s - 3) == pytest.approx(20)  # means do not count


def test_si_sdr_by_hand():
    # a = <e, s> / |s|^2 = 3/2: target (1.5, -1.5, 0, 0), target - e = (-0.5, -0.5, 1, 0): 4.5 against 1.5
    assert si_sdr(np.array([2.0, -1.0, -1.0, 0.0]), np.array([1.0, -1.0, 0.0, 0.0])) == pytest.approx(
        10 * math.log10(3)
    )


def test_si_sdr_at_its_ends():
    s = np.array([1.0, -1.0, 2.0, -2.0], np.float32)
    assert si_sdr(2 * s, s) == math.inf
    assert si_sdr(s, np.array([1.0, 1.0, 0.0, 0.0])) == -math.inf
    with pytest.raises(Undefined, match="^silent estimate$"):
        si_sdr(0 * s, s)
    with pytest.raises(Undefined, match="^silent reference$"):
        si_sdr(s, 0 * s + 0.1)  # a constant has no sound either


def test_wave_snr_by_hand():
    s = np.array([3.0, 0.0, -4.0])
    assert wave_snr(s + np.array([0, 0.5, 0]), s) == pytest.approx(20)
    assert wave_snr(2 * s, s) == 0  # unlike SI-SDR
    assert wave_snr(0 * s, s) == 0
    assert wave_snr(s, s) == math.inf
    with pytest.raises(Undefined, match="silent reference"):
        wave_snr(s, 0 * s)


@pytest.fixture(scope="module")
def pair():
    """(estimate, reference): two seconds of a voice in noise at about 5 dB."""
    s = voice(1, 0, 2.0)
    return s + 0.5 * s.std() * np.random.default_rng(0).standard_normal(len(s)).astype(np.float32), s


def projected_sdr(estimate, reference, taps):
    """BSSEval's definition written out: least squares over the delayed references."""
    n = len(reference) + taps - 1
    delayed = np.zeros((n, taps))
    for k in range(taps):
        delayed[k : k + len(reference), k] = reference
    e = np.pad(estimate, (0, taps - 1))
    target = delayed @ np.linalg.lstsq(delayed, e, rcond=None)[0]
    return 10 * math.log10((target @ target) / np.square(e - target).sum())


@pytest.mark.parametrize("taps", [1, 3, 32])
def test_sdr_is_the_projection_on_delayed_references(taps):
    rng = np.random.default_rng(taps)
    s = rng.standard_normal(400)
    e = np.convolve(s, [1, 0.7, -0.2])[:400] + 0.1 * rng.standard_normal(400)
    assert sdr(e, s, taps) == pytest.approx(projected_sdr(e, s, taps), abs=1e-6)


def test_sdr_forgives_filters_and_has_512_taps():
    rng = np.random.default_rng(0)
    s = rng.standard_normal(4000)

    def echo(delay):
        return s + np.concatenate([np.zeros(delay), s[:-delay]])

    assert sdr(echo(511), s) > sdr(echo(512), s) + 3
    assert si_sdr(echo(511), s) == pytest.approx(0, abs=1)


def test_sdr_loads_no_torch():
    code = (
        "import sys, numpy as np; from toolkit.metrics.signal.intrusive import sdr; "
        "x = np.random.default_rng(0).standard_normal(999); print(sdr(x + x**2, x), 'torch' in sys.modules)"
    )
    message = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert message.split()[1] == "False"


@pytest.mark.parametrize(("fs", "mode"), [(16000, "nb"), (16000, "wb"), (8000, "nb")])
def test_pesq_is_the_librarys(pair, fs, mode):
    e, s = (x[:: FS // fs] for x in pair)
    assert pesq(e, s, fs, mode) == library("pesq").pesq(fs, s.astype(float), e.astype(float), mode)
    assert pesq(e, s, fs, mode) < pesq(s, s, fs, mode)  # which is which


def test_pesq_has_no_wide_band_at_8_khz(pair):
    with pytest.raises(ValueError, match="PESQ wb at 8000 Hz"):
        pesq(*pair, 8000, "wb")


@pytest.mark.parametrize("extended", [False, True])
def test_stoi_is_pystois(pair, extended):
    e, s = (x.astype(float) for x in pair)
    assert stoi(e, s, FS, extended) == pytest.approx(library("pystoi").stoi(s, e, FS, extended), abs=1e-9)
    s[:FS] *= 1e-4  # silence counts in the reference alone, so that it tells which is which
    assert stoi(e, s, FS, extended) == pytest.approx(library("pystoi").stoi(s, e, FS, extended), abs=1e-9)
    assert stoi(e, s, FS, extended) != pytest.approx(stoi(s, e, FS, extended), abs=1e-3)
    assert estoi(e, s, FS) == stoi(e, s, FS, extended=True)


def test_estoi_of_digital_silence_is_the_same_every_time(pair):
    e, s = pair
    gated = e * (np.arange(len(e)) % 16000 < 8000)
    np.random.seed(1)
    first, drawn = estoi(gated, s, FS), np.random.random()
    np.random.seed(2)
    assert estoi(gated, s, FS) == first
    np.random.seed(1)
    assert np.random.random() == drawn  # nobody else's draws are touched


ALL = {
    "si_sdr": si_sdr,
    "sdr": sdr,
    "pesq_nb": lambda e, s: pesq(e, s, FS, "nb"),
    "pesq_wb": lambda e, s: pesq(e, s, FS, "wb"),
    "stoi": lambda e, s: stoi(e, s, FS),
    "estoi": lambda e, s: estoi(e, s, FS),
}


@pytest.mark.parametrize("metric", ALL)
def test_silence_is_undefined_and_clipping_is_not(pair, metric):
    e, s = pair
    for bad, reason in (((0 * e, s), "silent estimate"), ((e, 0 * s), "silent reference")):
        with pytest.raises(Undefined, match=f"^{reason}$"):
            ALL[metric](*bad)
    assert math.isfinite(ALL[metric](e.clip(-0.01, 0.01), s))
    with pytest.raises(ValueError, match="must both be"):
        ALL[metric](e[1:], s)


@pytest.mark.parametrize(
    ("metric", "samples", "reason"),
    [
        ("sdr", 511, "shorter than 512 samples"),
        ("pesq_nb", 3999, "shorter than 0.25 s"),
        ("pesq_wb", 3999, "shorter than 0.25 s"),
        ("stoi", 6000, "fewer than 30 frames of speech"),  # where pystoi says 1e-5
        ("estoi", 300, "fewer than 30 frames of speech"),  # where pystoi fails
    ],
)
def test_too_short(pair, metric, samples, reason):
    with pytest.raises(Undefined, match=f"^{reason}$"):
        ALL[metric](*(x[:samples] for x in pair))


def test_a_perfect_estimate_has_infinite_sdr(pair):
    """Up to a factor and rounding; so too where BSSEval finds all of the estimate in the reference's delays."""
    _, s = (x.astype(float) for x in pair)
    faint = s + 1e-7 * np.random.default_rng(0).standard_normal(len(s))
    for metric in (sdr, si_sdr):
        assert [metric(e, s) for e in (s, 0.3 * s, -1e-6 * s)] == 3 * [math.inf]
        assert 110 < metric(faint, s) < 120
    assert sdr(np.roll(np.pad(s, (0, 600)), 100), np.pad(s, (0, 600))) == math.inf


def test_sdr_does_not_depend_on_level(pair):
    e, s = (x.astype(float) for x in pair)
    for factor in (1e-9, 1e9):
        assert sdr(factor * e, s) == pytest.approx(sdr(e, s), abs=1e-6)
        assert sdr(e, factor * s) == pytest.approx(sdr(e, s), abs=1e-6)


def tone(count: int) -> np.ndarray:
    return np.sin(np.arange(count) / 5)


SIGNALS = {
    "one sample": np.ones(1),
    "none": np.ones(0),
    "constant": np.full(FS, 0.3),
    "impulse": np.eye(1, FS)[0],
    "tone": tone(FS),
    "another tone": tone(2 * FS)[::2],
    "NaN": np.where(np.arange(FS) == 5, np.nan, tone(FS)),
    "infinite": np.where(np.arange(FS) == 5, np.inf, tone(FS)),
    "faint": 1e-200 * tone(FS),
    "loud": 1e30 * tone(FS),
    "alternating": np.resize([1.0, -1.0], FS),
}


@pytest.mark.parametrize("estimate", SIGNALS)
def test_any_pair_of_signals_has_values_or_reasons(estimate):
    """No library's exception ends the scoring of a set."""
    names = [name for name in COMPUTED if not name.startswith(("dnsmos", "timing"))]
    for reference in SIGNALS.values():
        if len(reference) == len(SIGNALS[estimate]):
            values, undefined = compute(names, SIGNALS[estimate], reference, FS)
            assert {name for name, value in values.items() if math.isnan(value)} == set(undefined)
            assert all(undefined.values())


@pytest.mark.parametrize(("module", "metric"), [("pesq", "pesq_wb"), ("pystoi", "stoi"), ("fast_bss_eval", "sdr")])
def test_whatever_a_library_raises_is_a_reason(monkeypatch, pair, module, metric):
    def fail(*args, **kwargs):
        raise ZeroDivisionError

    owner = signal._bss_eval() if metric == "sdr" else library(module)
    monkeypatch.setattr(owner, "sdr_loss" if metric == "sdr" else module.removeprefix("py"), fail)
    with pytest.raises(Undefined):
        ALL[metric](*pair)


def test_no_utterance_for_pesq():
    click = np.zeros(FS)
    click[0] = 1.0
    with pytest.raises(Undefined, match="^no utterance detected$"):
        pesq(np.random.default_rng(0).standard_normal(FS), click, FS, "nb")


def test_a_crash_of_pesq_is_survived(monkeypatch, pair):
    e, s = (np.tile(x, 11) for x in pair)
    assert pesq(*pair, FS, "nb") == signal._pesq(*pair, FS, "nb")
    monkeypatch.setattr(signal, "_pesq", crash)
    with pytest.raises(Undefined, match="too long for PESQ"):
        pesq(e, s, FS, "nb")


@pytest.mark.parametrize("metric", ["sdr", "pesq_nb", "stoi"])
def test_a_missing_library_is_said(monkeypatch, pair, metric):
    for name in ("fast_bss_eval", "pesq", "pystoi"):
        monkeypatch.setitem(sys.modules, name, None)
    signal._bss_eval.cache_clear()
    with pytest.raises(InputError, match="is not installed: tools/install.sh --extras se"):
        ALL[metric](*pair)
