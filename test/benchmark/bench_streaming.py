"""Streaming on one core: real-time factor, and algorithmic latency.

A network with random weights enhances noise piece by piece, as ``voxsift live`` does. The real-time factor (RTF) is CPU
time by length of the audio, so that the load of the machine counts little: below 1 one core is fast enough. The latency
is that of the algorithm, as the stream states it, and what a piece adds that is longer than the block of the network.
Compared are the whole recording at once, and the stream of an ONNX file. All outputs must be equal.

A piece of 16 ms is one frame of Demucs: every weight is read for it, 134 MB of dns64. A longer piece shares that.
"""

import tempfile
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch
from benchmark.harness import Record, digits, measure, row

from toolkit.models.se import GTCRN, Demucs
from toolkit.systems import Enhancer
from toolkit.systems.audio_stream import in_pieces
from toolkit.systems.onnx.export import export_onnx
from toolkit.systems.onnx.onnx_systems import load_onnx

BLOCK_MS = 16  # of all these networks
NETWORKS = {  # name -> network, seconds of audio, milliseconds of a piece
    "GTCRN": (lambda: GTCRN(), 2.0, (16,)),
    "Demucs, hidden 16": (lambda: Demucs(hidden=16, level=0.1), 1.024, (16,)),
    "Demucs, hidden 64 (dns64)": (lambda: Demucs(level=0.1), 1.024, (16, 64)),
}


def onnx_of(enhancer: Enhancer):
    """The same enhancer from an ONNX file."""
    with tempfile.TemporaryDirectory() as folder:
        export_onnx(enhancer, Path(folder) / "x.onnx", stream=True)
        return load_onnx(Path(folder) / "x.onnx")


def streaming(make, seconds: float, pieces: tuple[int, ...]) -> list[Record]:
    """A stream against the whole recording, and in torch against an ONNX file."""
    torch.manual_seed(0)
    enhancer = Enhancer(make().eval())
    systems = {"torch": enhancer, "ONNX": onnx_of(enhancer)}
    samples = (0.1 * np.random.default_rng(0).standard_normal(round(seconds * enhancer.fs))).astype(np.float32)
    calls = {"whole": lambda: enhancer.estimate(samples)}
    for name, ms in product(systems, pieces):
        calls[f"{name} {ms}"] = partial(streamed, systems[name], samples, ms)
    for call in calls.values():
        np.testing.assert_allclose(call(), calls["whole"](), atol=1e-5)
    times = measure(calls, rounds=3, seconds=0.05)
    factors = {name: float(np.median(found.cpu)) / seconds for name, found in times.items()}
    records = []
    for ms in pieces:
        how = f"pieces of {ms} ms, latency {enhancer.stream().latency_ms + ms - BLOCK_MS:.1f} ms"
        records.append(_record(times, factors, f"torch {ms}", "whole", f"{how}; the whole recording at once"))
        records.append(_record(times, factors, f"ONNX {ms}", f"torch {ms}", f"{how}; ONNX (left) against torch"))
    return records


def streamed(system, samples: np.ndarray, ms: int) -> np.ndarray:
    """The output of a stream that gets pieces of so many milliseconds."""
    return in_pieces(system.stream(), samples, ms / 1000, system.fs)


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


for title, (network, length, piece_ms) in NETWORKS.items():
    row(f"stream of {title}")(lambda make=network, of=length, ms=piece_ms: streaming(make, of, ms))
