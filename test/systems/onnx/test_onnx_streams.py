"""ONNX files with states: any pieces give what torch gives for the whole, and what the stream in torch gives."""

import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from test.helpers.tiny_networks import tiny
from toolkit.io.errors import InputError
from toolkit.models.se import GTCRN
from toolkit.systems import Enhancer, Verifier
from toolkit.systems.block_stream import BlockStream
from toolkit.systems.onnx.export import export_onnx
from toolkit.systems.onnx.metadata import from_text, to_text
from toolkit.systems.onnx.onnx_systems import load_onnx

pytest.importorskip("onnx")
FS = 16000
SAMPLES = (0.1 * np.random.default_rng(0).standard_normal(6000)).astype(np.float32)
CUTS = st.lists(st.integers(0, 10**6), max_size=40)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A tiny GTCRN, and its ONNX file."""
    system, path = Enhancer(tiny("GTCRN")), tmp_path_factory.mktemp("onnx") / "x.onnx"
    assert export_onnx(system, path, stream=True).difference <= 1e-5
    return system, load_onnx(path, "se")


def streamed(stream, samples, cuts) -> np.ndarray:
    pieces = np.split(samples, sorted(cut % (len(samples) + 1) for cut in cuts))
    return np.concatenate([*(stream.process(piece) for piece in pieces), stream.flush()])


@settings(max_examples=20, deadline=None)
@given(length=st.integers(1, 6000), cuts=CUTS, beta=st.sampled_from([0, 0.3]))
def test_any_pieces_give_the_stream_of_torch(both, length, cuts, beta):
    by_torch, by_onnx = both
    samples = SAMPLES[:length]
    made = streamed(by_onnx.stream(beta), samples, cuts)
    np.testing.assert_allclose(made, streamed(by_torch.stream(beta), samples, cuts), atol=1e-5, rtol=0)


@pytest.mark.parametrize("seconds", [0.3, 25])
def test_the_whole_recording(both, seconds):
    """Which is read in pieces of 10 s."""
    samples = (0.1 * np.random.default_rng(1).standard_normal(round(seconds * FS))).astype(np.float32)
    by_torch, by_onnx = both
    np.testing.assert_allclose(by_onnx.enhance(samples, FS), by_torch.enhance(samples, FS), atol=1e-5, rtol=0)


def test_latency_is_that_of_torch(both):
    by_torch, by_onnx = (system.stream() for system in both)
    assert by_onnx.latency_samples == by_torch.latency_samples == 64
    made = 0
    for t in range(300):  # sample t is there once t + latency is
        made += len(by_onnx.process(SAMPLES[t : t + 1]))
        assert made >= t + 1 - by_onnx.latency_samples


def test_streams_are_independent(both):
    first, second = both[1].stream(), both[1].stream()
    first.process(SAMPLES)
    np.testing.assert_array_equal(streamed(second, SAMPLES, []), both[1].enhance(SAMPLES, FS))


@settings(max_examples=50, deadline=None)
@given(block=st.integers(1, 9), delay=st.integers(0, 20), length=st.integers(0, 60), cuts=CUTS)
def test_blocks_against_a_delay_line(block, delay, length, cuts):
    """The step delays by ``delay``; the stream gives the samples as they were."""
    line = np.zeros(delay, np.float32)

    def step(samples):
        nonlocal line
        assert len(samples) % block == 0
        known = np.concatenate([line, samples])
        line = known[len(samples) :]
        return known[: len(samples)]

    samples = np.arange(1, length + 1, dtype=np.float32)
    np.testing.assert_array_equal(streamed(BlockStream(step, block, delay, block + delay), samples, cuts), samples)


@pytest.mark.parametrize(
    ("system", "message"),
    [
        (lambda: Enhancer(tiny("ConvTasNet")), "ConvTasNet.*GTCRN"),
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
    ],
)
def test_bad_facts_of_a_stream(both, change):
    content = json.loads(to_text(both[1].metadata)) | {"stream": both[1].metadata["stream"] | change}
    with pytest.raises(InputError, match="stream"):
        from_text(json.dumps(content), "x.onnx")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_not_a_file_is_refused_at_once(tmp_path, make):
    make(tmp_path / "x.onnx")
    with pytest.raises(InputError, match="x.onnx"):
        load_onnx(tmp_path / "x.onnx")
