"""Streaming on one core: real-time factor, and algorithmic latency.

A network with random weights enhances noise in pieces of 16 ms, as ``voxsift live`` does, and for comparison the whole
recording at once. The real-time factor (RTF) is CPU time by length of the audio: below 1 one core is fast enough. The
latency in the name of a row is that of the algorithm, as the stream states it. Both outputs must be the same.
"""

import numpy as np
import torch
from benchmark.harness import Record, digits, measure, row

from toolkit.models.se import GTCRN, Demucs
from toolkit.systems import Enhancer

PIECE = 256  # samples, 16 ms
NETWORKS = {  # name -> network, seconds of audio
    "GTCRN": (lambda: GTCRN(), 4.0),
    "Demucs, hidden 16": (lambda: Demucs(hidden=16, level=0.1), 1.0),
    "Demucs, hidden 64 (dns64)": (lambda: Demucs(level=0.1), 0.25),
}


def in_pieces(enhancer: Enhancer, samples: np.ndarray) -> np.ndarray:
    """The output of a stream."""
    stream = enhancer.stream()
    pieces = np.split(samples, range(PIECE, len(samples), PIECE))
    return np.concatenate([*(stream.process(piece) for piece in pieces), stream.flush()])


def streaming(make, seconds: float) -> list[Record]:
    """A stream against the whole recording."""
    torch.manual_seed(0)
    enhancer = Enhancer(make().eval())
    samples = (0.1 * np.random.default_rng(0).standard_normal(round(seconds * enhancer.fs))).astype(np.float32)
    calls = {
        "stream": lambda: in_pieces(enhancer, samples),
        "whole": lambda: enhancer.estimate(samples),
    }
    np.testing.assert_allclose(calls["stream"](), calls["whole"](), atol=1e-5)
    times = measure(calls, rounds=3, seconds=0.05)
    factors = {name: float(np.median(found.cpu)) / seconds for name, found in times.items()}
    return [
        Record(
            ours=f"RTF {digits(factors['stream'])}",
            theirs=f"RTF {digits(factors['whole'])}",
            peer="the whole recording at once",
            target="RTF < 1",
            met=factors["stream"] < 1,
        )
    ]


for title, (network, length) in NETWORKS.items():
    latency = Enhancer(network()).stream().latency_ms
    row(f"stream of {title}: latency {latency:.1f} ms")(lambda make=network, of=length: streaming(make, of))
