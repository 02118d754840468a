import math
import sys

import numpy as np
import pytest
from conftest import voice

from toolkit.io.errors import InputError
from toolkit.metrics.signal.dnsmos import dnsmos
from toolkit.metrics.signal.intrusive import Undefined, si_sdr, stoi
from toolkit.metrics.signal.registry import COMPUTED, METRICS, check_metrics, compute

SPEECH = voice(1, 0, 1.0)
NOISY = SPEECH + 0.01 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
WITHOUT_NETWORKS = [name for name in COMPUTED if not name.startswith(("dnsmos", "timing"))]


def test_every_metric_has_a_name_and_a_value():
    assert set(COMPUTED) <= set(METRICS)
    check_metrics(WITHOUT_NETWORKS)
    values, undefined = compute(WITHOUT_NETWORKS, NOISY, SPEECH, 16000)
    assert list(values) == WITHOUT_NETWORKS
    assert undefined == {}
    assert values["si_sdr"] == si_sdr(NOISY, SPEECH)
    assert values["stoi"] == stoi(NOISY, SPEECH, 16000)
    assert 1 < values["pesq_wb"] < 4.65
    assert values["pesq_nb"] != values["pesq_wb"]
    assert values["estoi"] != values["stoi"]


def test_what_is_undefined_is_nan_and_has_a_reason():
    values, undefined = compute(["wave_snr", "si_sdr", "pesq_nb"], 0 * SPEECH, SPEECH, 16000)
    assert values["wave_snr"] == pytest.approx(0, abs=1e-9)
    assert math.isnan(values["si_sdr"])
    assert undefined == {"si_sdr": "silent estimate", "pesq_nb": "silent estimate"}


@pytest.mark.parametrize(("name", "fs"), [("pesq_wb", 8000), ("pesq_nb", 48000), ("dnsmos_bak", 8000)])
def test_a_metric_that_does_not_exist_at_this_rate(name, fs):
    with pytest.raises(InputError, match=f"--metrics {name}: is for .*16000 Hz, the audio is at {fs} Hz"):
        compute(["si_sdr", name], NOISY, SPEECH, fs)


def test_an_unknown_metric_and_a_missing_library_are_said_before_any_work(monkeypatch):
    with pytest.raises(InputError, match="--metrics pesq: no such metric; there are si_sdr "):
        check_metrics(["si_sdr", "pesq"])
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match="onnxruntime is not installed: tools/install.sh --extras dnsmos"):
        check_metrics(["dnsmos_ovrl"])
    monkeypatch.setitem(sys.modules, "pystoi", None)
    check_metrics(["si_sdr", "pesq_nb"])
    with pytest.raises(InputError, match="pystoi is not installed"):
        check_metrics(["estoi"])


def test_a_failure_of_the_network_and_nan_are_reasons(monkeypatch):
    monkeypatch.setattr("toolkit.metrics.signal.dnsmos._session", lambda: None)  # has no run
    for signal, reason in ((SPEECH, "DNSMOS fails"), (np.full(9, np.nan), "not finite")):
        with pytest.raises(Undefined, match=reason):
            dnsmos(signal)


def test_dnsmos_refuses_what_speechmos_refuses():
    with pytest.raises(Undefined, match="^silent estimate$"):
        dnsmos(0 * SPEECH)
    with pytest.raises(Undefined, match="^samples beyond \\+-1$"):
        dnsmos(100 * SPEECH)


@pytest.mark.parametrize("seconds", [1.0, 9.01, 13.3])
def test_dnsmos_is_that_of_speechmos(seconds):
    for extra in ("onnxruntime", "librosa", "requests"):  # the last two are what speechmos imports
        pytest.importorskip(extra)
    theirs = pytest.importorskip("speechmos.dnsmos").run(sound := voice(2, 0, seconds), 16000)
    expected = [theirs[f"{name}_mos"] for name in ("sig", "bak", "ovrl")]
    assert dnsmos(sound) == pytest.approx(expected, abs=1e-6)
    values, _ = compute(["dnsmos_bak", "dnsmos_ovrl"], sound, sound, 16000)
    assert list(values.values()) == pytest.approx(expected[1:], abs=1e-6)
