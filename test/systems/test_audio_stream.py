"""Streams: any pieces give what the whole recording gives; latency is as stated; others are refused by name."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from test.helpers.tiny_networks import tiny
from toolkit.io.errors import InputError
from toolkit.models.network_stream import NetworkStream
from toolkit.models.se import GTCRN, Demucs
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.systems import Enhancer, Extractor
from toolkit.systems.inference.system_origin import Origin

FS = 16000
SAMPLES = (0.1 * np.random.default_rng(0).standard_normal(6000)).astype(np.float32)
ENROLMENT = (0.1 * np.random.default_rng(1).standard_normal(4000)).astype(np.float32)
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Average(NetworkStream):
    """Mean of the last four samples, times a gain."""

    latency = 0

    def __init__(self, gain: float):
        self.gain, self.last = gain, torch.zeros(3)

    def process(self, chunk):
        known = torch.cat((self.last, chunk))
        self.last = known[-3:]
        return self.gain * known.unfold(0, 4, 1).mean(1)

    def flush(self):
        return torch.zeros(0)


class Causal(SpeakerExtractor):
    """Someone's own extractor: mean of the last four samples, times the level of the enrolment."""

    fs = FS

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, mixture, enrolment, enrolment_lengths=None):
        gain = enrolment.square().mean(1, keepdim=True).sqrt()
        return gain * nn.functional.pad(mixture, (3, 0)).unfold(1, 4, 1).mean(2)

    def open_stream(self, enrolment, enrolment_lengths=None, embedding=None):
        return Average(float(enrolment.square().mean().sqrt()))


def enhancers() -> dict:
    torch.manual_seed(0)
    demucs = [Demucs(hidden=8, depth=3, level=0.1), Demucs(hidden=8, depth=2, resample=1, stride=2, level=0.2)]
    gtcrns = [tiny("GTCRN"), GTCRN(window=96, hop=32, low_bins=9, erb_bands=8, channels=8)]
    return {f"{type(n).__name__}{i}": Enhancer(n.eval()) for i, n in enumerate((*demucs, *gtcrns))}


SYSTEMS = enhancers()


def pieces_of(samples: np.ndarray, cuts: list[int]) -> list[np.ndarray]:
    return np.split(samples, sorted(cut % (len(samples) + 1) for cut in cuts))


def streamed(stream, pieces) -> np.ndarray:
    return np.concatenate([*(stream.process(piece) for piece in pieces), stream.flush()])


@pytest.mark.parametrize("name", SYSTEMS)
@few
@given(length=st.integers(1, 6000), cuts=st.lists(st.integers(0, 10**6), max_size=40), beta=st.sampled_from([0, 0.3]))
def test_any_pieces_give_the_whole(name, length, cuts, beta):
    system, samples = SYSTEMS[name], SAMPLES[:length]
    with torch.inference_mode():
        whole = system.network(torch.from_numpy(samples)[None])[0].numpy()
    made = streamed(system.stream(beta), pieces_of(samples, cuts))
    np.testing.assert_allclose(made, (1 - beta) * whole + beta * samples, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", SYSTEMS)
def test_sample_by_sample_at_the_stated_latency(name):
    """Sample t is there once t + latency is; a change after that does not change it."""
    system, samples = SYSTEMS[name], SAMPLES[:1700]
    stream, made = system.stream(), []
    assert stream.latency_ms == pytest.approx(1000 * stream.latency_samples / FS)
    for t in range(len(samples)):
        made.extend(stream.process(samples[t : t + 1]))
        assert len(made) >= t + 1 - stream.latency_samples
    offline = system.enhance(samples, FS)
    np.testing.assert_allclose(np.concatenate([made, stream.flush()]), offline, atol=1e-5, rtol=0)


@pytest.mark.parametrize("network", [Causal(), tiny("GTCRNExtractor")], ids=lambda network: type(network).__name__)
@few
@given(cuts=st.lists(st.integers(0, 10**6), max_size=20))
def test_a_causal_extractor(network, cuts):
    system = Extractor(network, Origin(training={"scale_invariant_loss": False}))
    made = streamed(system.stream(ENROLMENT, FS), pieces_of(SAMPLES, cuts))
    np.testing.assert_allclose(made, system.extract(SAMPLES, ENROLMENT, FS), atol=1e-5, rtol=0)


def test_a_long_mixture_for_a_causal_extractor_is_one_stream(monkeypatch):
    """Others are extracted chunk by chunk, with cross-fades."""
    monkeypatch.setattr("toolkit.systems.extractor.CHUNK_SECONDS", 0.1)
    network = tiny("GTCRNExtractor")
    made = Extractor(network).conditioned([ENROLMENT])(SAMPLES)
    with torch.inference_mode():
        expected = network(torch.from_numpy(SAMPLES)[None], torch.from_numpy(ENROLMENT)[None])[0].numpy()
    np.testing.assert_allclose(made, expected, atol=1e-5, rtol=0)


def test_latency_of_the_published_sizes():
    """GTCRN: a window of 32 ms. Demucs, by hand, in frames of 16 ms: a frame depends on 2,388 values at the raised
    rate, 224 late for the interpolation, so it is complete in the third block, 32 ms late. The decimation adds 56
    samples, 3.5 ms. A block is 16 ms.
    """
    assert Enhancer(GTCRN()).stream().latency_ms == 32
    assert Enhancer(Demucs(hidden=2, level=0.1)).stream().latency_ms == 32 + 3.5 + 16


@pytest.mark.parametrize("name", ["ConvTasNet", "Demucs"])
def test_other_enhancers_are_refused_by_name(name):
    with pytest.raises(InputError, match=f"{name}.*stream"):
        Enhancer(tiny(name)).stream()


def test_other_extractors_are_refused_by_name():
    with pytest.raises(InputError, match="SDPCCN.*stream"):
        Extractor(tiny("SDPCCN")).stream(ENROLMENT, 8000)
    with pytest.raises(InputError, match="Causal.*level"):
        Extractor(Causal()).stream(ENROLMENT, FS)


def test_bad_pieces_and_the_end():
    stream = SYSTEMS["GTCRN2"].stream()
    for bad in (np.full(9, np.nan), np.zeros((2, 9)), ["a"]):
        with pytest.raises(InputError):
            stream.process(bad)
    assert not len(stream.process([]))
    assert not len(stream.flush())
    for call in (lambda: stream.process(SAMPLES), stream.flush):
        with pytest.raises(InputError, match="ended"):
            call()
    with pytest.raises(InputError, match="observation"):
        SYSTEMS["GTCRN2"].stream(2)


def test_integers_are_scaled_as_files_are():
    whole = (SAMPLES * 32767).astype(np.int16)
    by_integers, by_floats = (streamed(SYSTEMS["GTCRN2"].stream(), [x]) for x in (whole, whole / 32768))
    np.testing.assert_allclose(by_integers, by_floats, atol=1e-6)
