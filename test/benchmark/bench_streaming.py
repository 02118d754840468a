"""Streaming on one core: real-time factor, and algorithmic latency.

A network with random weights enhances noise in pieces of 16 ms, as ``voxsift live`` does, and for comparison the whole
recording at once. The real-time factor (RTF) is CPU time by length of the audio, so that the load of the machine counts
little: below 1 one core is fast enough. The latency in the name of a row is that of the algorithm, as the stream states
it. A network that can is streamed from an ONNX file, too. All outputs must be the same.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from benchmark.harness import Record, digits, measure, row

from toolkit.models.se import GTCRN, Demucs
from toolkit.systems import Enhancer
from toolkit.systems.onnx.export import export_onnx
from toolkit.systems.onnx.onnx_systems import load_onnx

PIECE = 256  # samples, 16 ms
NETWORKS = {  # name -> network, seconds of audio
    "GTCRN": (lambda: GTCRN(), 2.0),
    "Demucs, hidden 16": (lambda: Demucs(hidden=16, level=0.1), 1.0),
    "Demucs, hidden 64 (dns64)": (lambda: Demucs(level=0.1), 0.25),
}


def in_pieces(enhancer, samples: np.ndarray) -> np.ndarray:
    """The output of a stream."""
    stream = enhancer.stream()
    pieces = np.split(samples, range(PIECE, len(samples), PIECE))
    return np.concatenate([*(stream.process(piece) for piece in pieces), stream.flush()])


def onnx_of(enhancer: Enhancer):
    """The same enhancer from an ONNX file."""
    with tempfile.TemporaryDirectory() as folder:
        export_onnx(enhancer, Path(folder) / "x.onnx", stream=True)
        return load_onnx(Path(folder) / "x.onnx")


def streaming(make, seconds: float, with_onnx: bool) -> list[Record]:
    """A stream against the whole recording, and in torch against an ONNX file."""
    torch.manual_seed(0)
    enhancer = Enhancer(make().eval())
    samples = (0.1 * np.random.default_rng(0).standard_normal(round(seconds * enhancer.fs))).astype(np.float32)
    calls = {
        "stream": lambda: in_pieces(enhancer, samples),
        "whole": lambda: enhancer.estimate(samples),
    }
    if with_onnx:
        by_onnx = onnx_of(enhancer)
        calls["ONNX"] = lambda: in_pieces(by_onnx, samples)
    for call in calls.values():
        np.testing.assert_allclose(call(), calls["whole"](), atol=1e-5)
    times = measure(calls, rounds=3, seconds=0.05)
    factors = {name: float(np.median(found.cpu)) / seconds for name, found in times.items()}
    pairs = [("stream", "whole", "the whole recording at once")]
    pairs += [("ONNX", "stream", "an ONNX file (left) against torch")] if with_onnx else []
    return [_record(times, factors, *pair) for pair in pairs]


def _record(times, factors: dict[str, float], ours: str, theirs: str, peer: str) -> Record:
    ratios = np.divide(times[theirs].cpu, times[ours].cpu)
    return Record(
        ours=f"RTF {digits(factors[ours])}",
        theirs=f"RTF {digits(factors[theirs])}",
        peer=peer,
        ratio=float(np.median(ratios)),
        low=float(ratios.min()),
        high=float(ratios.max()),
        target="RTF < 1",
        met=factors[ours] < 1,
    )


for title, (network, length) in NETWORKS.items():
    latency = Enhancer(network()).stream().latency_ms
    row(f"stream of {title}: latency {latency:.1f} ms")(
        lambda make=network, of=length, name=title: streaming(make, of, name == "GTCRN")
    )
