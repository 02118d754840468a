"""Exported networks in int8: are they faster on one core, and what do they lose?

The ONNX files of ``voxsift export`` are quantised by onnxruntime: dynamically (weights of 8 bits, activations measured
at each call) and statically (activations by ten recordings of noise with the envelope of speech). Each runs on 3 s of
audio. The loss is the error of samples relative to the output (dB), or the cosine of the two embeddings. A quantised
file is worth an option if it is faster by a fifth at least.
"""

import logging
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from benchmark.harness import Record, digits, measure, row

from toolkit.features import KaldiFbank
from toolkit.models.sv import EcapaTdnn, SpeakerEmbedder
from toolkit.systems import Enhancer, Verifier
from toolkit.systems.named import named_models
from toolkit.systems.onnx.export import export_onnx
from toolkit.systems.onnx.onnx_systems import load_onnx

SECONDS = 3
TARGET = 1.2  # times as fast


def _verifier(network) -> Verifier:
    torch.manual_seed(0)
    return Verifier(SpeakerEmbedder(KaldiFbank(n_mels=80), network(), "mean").eval())


SYSTEMS = {
    "GTCRN, shipped": Enhancer.load,
    "GE2E, published": lambda: Verifier.load(next(model for model in named_models() if model.name == "ge2e")),
    "ECAPA-TDNN 512, random weights": lambda: _verifier(lambda: EcapaTdnn(n_mels=80, channels=512)),
}


def noise(seed: int, fs: int) -> np.ndarray:
    """(N,) with an envelope of syllables."""
    samples = 0.1 * np.random.default_rng(seed).standard_normal(SECONDS * fs)
    return (samples * np.sin(np.arange(len(samples)) / fs * 9).clip(0.01)).astype(np.float32)


def quantised(path: Path, how: str, fs: int) -> Path:
    """The file in int8."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    logging.disable(logging.WARNING)
    prepared, output = path.with_suffix(".prepared.onnx"), path.with_suffix(f".{how}.onnx")
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    if how == "dynamic":
        quantization.quantize_dynamic(prepared, output, weight_type=quantization.QuantType.QInt8)
        return output

    class Recordings(quantization.CalibrationDataReader):
        """Ten inputs."""

        def __init__(self):
            self.left = [{"wav": noise(seed, fs)[None]} for seed in range(10)]

        def get_next(self):
            return self.left.pop() if self.left else None

    kinds = {"op_types_to_quantize": ["Conv", "MatMul", "Gemm"], "per_channel": True}
    quantization.quantize_static(prepared, output, Recordings(), **kinds)
    return output


def loss_of(system, reference: np.ndarray, made: np.ndarray) -> str:
    """What the quantised network loses."""
    if isinstance(system, Verifier):
        return f"cosine {float(reference @ made):.4f}"
    error = np.sum((reference - made) ** 2) / np.sum(reference**2)
    return f"error {10 * np.log10(error):.1f} dB"


def int8(make) -> list[Record]:
    """Both ways against float32."""
    system = make()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.onnx"
        export_onnx(system, path)
        return [compared(system, path, how) for how in ("dynamic", "static")]


def compared(system, path: Path, how: str) -> Record:
    """One way against float32."""
    record, samples = Record(peer=f"float32; {how} int8 on the left", target=f">= {TARGET}"), noise(99, system.fs)

    def run(file):
        return file.embed(samples, file.fs) if isinstance(system, Verifier) else file.estimate(samples)

    try:
        small = quantised(path, how, system.fs)
        files = {"float32": load_onnx(path), "int8": load_onnx(small)}
        outputs = {name: run(file) for name, file in files.items()}
    except Exception as error:  # onnxruntime cannot quantise, or not run, every network
        record.fault = f"{how}: {type(error).__name__}: {' '.join(str(error).split())[:100]}"
        return record
    times = measure({name: partial(run, file) for name, file in files.items()}, rounds=5)
    ratios = np.divide(times["float32"].cpu, times["int8"].cpu)
    record.ratio, record.low, record.high = (float(f(ratios)) for f in (np.median, np.min, np.max))
    factors = {name: f"RTF {digits(float(np.median(time.cpu)) / SECONDS)}" for name, time in times.items()}
    size = f"{100 * small.stat().st_size / path.stat().st_size:.0f} % of the size"
    record.ours = f"{factors['int8']}, {loss_of(system, outputs['float32'], outputs['int8'])}, {size}"
    record.theirs, record.met = factors["float32"], record.ratio >= TARGET
    return record


for title, load in SYSTEMS.items():
    row(f"{title}: {SECONDS} s of audio")(lambda make=load: int8(make))
