"""ONNX files with states: any pieces give what torch gives for the whole, and what the stream in torch gives."""

import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from test.helpers.tiny_networks import tiny
from toolkit.io.errors import InputError
from toolkit.models.block_stream import BlockStream
from toolkit.models.se import GTCRN, Demucs
from toolkit.systems import Enhancer, Extractor, Verifier
from toolkit.systems.inference.system_origin import Origin
from toolkit.systems.onnx.export import export_onnx
from toolkit.systems.onnx.metadata import from_text, to_text
from toolkit.systems.onnx.onnx_systems import load_onnx

pytest.importorskip("onnx")
FS = 16000
SAMPLES = (0.1 * np.random.default_rng(0).standard_normal(6000)).astype(np.float32)
ENROLMENT = (0.1 * np.random.default_rng(2).standard_normal(4000)).astype(np.float32)
LEVEL = Origin(training={"scale_invariant_loss": False})
CUTS = st.lists(st.integers(0, 10**6), max_size=12)


def causal(name: str) -> Enhancer | Extractor:
    """A tiny system that can stream."""
    torch.manual_seed(0)
    if name == "GTCRNExtractor":
        return Extractor(tiny(name), LEVEL)
    sizes = {"Demucs": {"depth": 3}, "Demucs-3": {"depth": 2, "resample": 2, "stride": 3, "kernel_size": 5}}
    return Enhancer(Demucs(hidden=8, level=0.1, **sizes[name]).eval() if name in sizes else tiny(name))


@pytest.fixture(scope="module", params=["GTCRN", "GTCRNExtractor", "Demucs", "Demucs-3"])
def both(request, tmp_path_factory):
    """A system, and its ONNX file."""
    system, path = causal(request.param), tmp_path_factory.mktemp("onnx") / "x.onnx"
    assert export_onnx(system, path, stream=True).difference <= 1e-5
    return system, load_onnx(path, system.task)


def opened(system, beta: float = 0):
    """A stream, of an extractor for an enrolled speaker."""
    return system.stream(ENROLMENT, FS) if system.task == "tse" else system.stream(beta)


def whole(system, samples):
    return system.extract(samples, ENROLMENT, FS) if system.task == "tse" else system.enhance(samples, FS)


def streamed(stream, samples, cuts) -> np.ndarray:
    pieces = np.split(samples, sorted(cut % (len(samples) + 1) for cut in cuts))
    return np.concatenate([*(stream.process(piece) for piece in pieces), stream.flush()])


@settings(max_examples=8, deadline=None)
@given(length=st.integers(1, 6000), cuts=CUTS, beta=st.sampled_from([0, 0.3]))
def test_any_pieces_give_the_stream_of_torch(both, length, cuts, beta):
    by_torch, by_onnx = both
    samples = SAMPLES[:length]
    made = streamed(opened(by_onnx, beta), samples, cuts)
    np.testing.assert_allclose(made, streamed(opened(by_torch, beta), samples, cuts), atol=1e-5, rtol=0)


@pytest.mark.parametrize("seconds", [0.3, 10.2])
def test_the_whole_recording(both, seconds):
    """Which is read in pieces of 10 s."""
    samples = (0.1 * np.random.default_rng(1).standard_normal(round(seconds * FS))).astype(np.float32)
    inputs = (torch.from_numpy(ENROLMENT)[None],) * (both[0].task == "tse")
    with torch.inference_mode():
        expected = both[0].network(torch.from_numpy(samples)[None], *inputs)[0].numpy()
    for system in both:
        np.testing.assert_allclose(whole(system, samples), expected, atol=1e-5, rtol=0)


def test_latency_is_that_of_torch(both):
    by_torch, by_onnx = (opened(system) for system in both)
    assert by_onnx.latency_samples == by_torch.latency_samples == both[1].metadata["stream"]["latency"]
    made = 0
    for t in range(by_onnx.latency_samples + 300):  # sample t is there once t + latency is
        made += len(by_onnx.process(SAMPLES[t : t + 1]))
        assert made >= t + 1 - by_onnx.latency_samples


def test_streams_are_independent(both):
    first, second = opened(both[1]), opened(both[1])
    first.process(SAMPLES)
    np.testing.assert_allclose(streamed(second, SAMPLES, []), whole(both[1], SAMPLES), atol=1e-6)


def test_another_speaker_is_another_stream(tmp_path):
    """Once the enrolment is read, a call computes nothing of it: the speaker encoder is slow."""
    system = causal("GTCRNExtractor")
    export_onnx(system, tmp_path / "x.onnx", stream=True)
    made = load_onnx(tmp_path / "x.onnx", "tse")
    first, second = (streamed(made.stream(voice, FS), SAMPLES, []) for voice in (ENROLMENT, SAMPLES[:3000]))
    assert np.abs(first - second).max() > 1e-3
    states = {name: np.zeros(shape, np.float32) for name, shape in made.metadata["stream"]["states"].items()}
    made.outputs(wav=SAMPLES[None, :320], enrolment=np.zeros((1, 0), np.float32), **states)
    with pytest.raises(InputError):  # the encoder cannot read one sample
        made.outputs(wav=SAMPLES[None, :320], enrolment=np.zeros((1, 1), np.float32), **states)


@settings(max_examples=50, deadline=None)
@given(block=st.integers(1, 9), delay=st.integers(0, 20), length=st.integers(0, 60), cuts=CUTS)
def test_blocks_against_a_delay_line(block, delay, length, cuts):
    """The step delays by ``delay``; the stream gives the samples as they were, and tells a last step where they end."""
    line, heard = np.zeros(delay, np.float32), 0

    def step(samples, left):
        nonlocal line, heard
        if left is not None:
            ends.append(heard + left)
        heard += len(samples)
        assert len(samples) % block == 0
        known = np.concatenate([line, samples])
        line = known[len(samples) :]
        return known[: len(samples)]

    samples, ends = np.arange(1, length + 1, dtype=np.float32), []
    np.testing.assert_array_equal(streamed(BlockStream(step, block, delay), samples, cuts), samples)
    assert ends == ([length] if length % block or delay else [])


@pytest.mark.parametrize(
    ("system", "message"),
    [
        (lambda: Enhancer(tiny("ConvTasNet")), "ConvTasNet.*GTCRN"),
        (lambda: Enhancer(tiny("Demucs")), "Demucs.*model.init_args.level"),
        (lambda: Extractor(tiny("GTCRNExtractor")), "GTCRNExtractor.*level"),
        (lambda: Extractor(tiny("SDPCCN"), LEVEL), "SDPCCN.*GTCRNExtractor"),
        (lambda: Enhancer(GTCRN(window=96, hop=32, low_bins=9, erb_bands=8, channels=8)), "window 96"),
        (lambda: Verifier(tiny("EcapaTdnn")), "EcapaTdnn.*--stream"),
    ],
)
def test_what_cannot_stream_is_refused_by_name(tmp_path, system, message):
    with pytest.raises(InputError, match=message):
        export_onnx(system(), tmp_path / "x.onnx", stream=True)
    assert not list(tmp_path.iterdir())


def test_a_file_without_states_says_how_to_get_them(tmp_path):
    export_onnx(Enhancer(tiny("GTCRN")), tmp_path / "x.onnx")
    with pytest.raises(InputError, match=r"x.onnx: GTCRN.*export --stream"):
        load_onnx(tmp_path / "x.onnx").stream()


@pytest.mark.parametrize(
    "change",
    [
        {"block": 0},
        {"delay": -1},
        {"latency": 0},
        {"states": {"a": [0]}},
        {"states": {"a": [2**40]}},
        {"states": 3},
        {"block": "x"},
        {"end": "nowhere"},
        {"speaker": "state0"},
    ],
)
def test_bad_facts_of_a_stream(change):
    facts = {"task": "se", "class": "GTCRN", "fs": FS}
    stream = {"block": 32, "delay": 32, "latency": 64, "states": {"state0": [1, 32]}}
    content = {"facts": facts, "lines": {}, "inputs": ["wav", "state0"], "stream": stream}
    assert from_text(to_text(content), "x.onnx")["stream"] == stream
    content["stream"] = stream | change
    with pytest.raises(InputError, match="stream"):
        from_text(to_text(content), "x.onnx")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_not_a_file_is_refused_at_once(tmp_path, make):
    make(tmp_path / "x.onnx")
    with pytest.raises(InputError, match="x.onnx"):
        load_onnx(tmp_path / "x.onnx")
