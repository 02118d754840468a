"""Export of a trained system to one ONNX file, checked against torch before it is written."""

import importlib.util
import io
import logging
import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.io.atomic import replacing_path
from toolkit.io.errors import InputError, brief
from toolkit.models.se.base import CHUNK_SECONDS, SpeechEnhancer
from toolkit.systems.base import System
from toolkit.systems.embedding_enhancer import EmbeddingEnhancer
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.extractor import Extractor
from toolkit.systems.inference.extractor_base import CHUNK_SECONDS as CHUNK_OF_EXTRACTORS
from toolkit.systems.onnx.metadata import KEY, OPSET, to_text
from toolkit.systems.onnx.onnx_systems import OnnxEnhancer, OnnxExtractor, session_of
from toolkit.systems.onnx.steps import Enroller, step_of, with_speaker
from toolkit.systems.onnx.traceable import traceable
from toolkit.systems.verifier import Verifier

TOLERANCE = 1e-4  # of samples, and of embeddings at unit length
STREAM_TOLERANCE = 1e-5  # of samples of streams
_SECONDS = (0.3, 1.0, 3.21)  # of the check
_EXAMPLE_SECONDS = 1.5  # of the traced input
_MOST_BYTES = 2**31 - 2**20  # of an ONNX file


class Exported(NamedTuple):
    """Result of an export: class of the network, bytes of the file, largest difference from torch, seconds of audio
    of the check.
    """

    network: str
    size: int
    difference: float
    seconds: tuple[float, ...]


def export_onnx(system: System, output, stream: bool = False) -> Exported:
    """Write a system into one ONNX file: network, front end, weights, and what voxsift needs to run it.

    Args:
        system: an Enhancer, Extractor, Verifier or EmbeddingEnhancer on the CPU.
        output: file to write.
        stream: of an Enhancer or Extractor of a causal network: a network of blocks and states, which can stream, too.

    Raises:
        InputError: the network cannot be exported, or onnxruntime gives other outputs than torch; nothing is written.

    Example::

        export_onnx(Enhancer.load("exp/se_x"), "enhancer.onnx")
    """
    name = system.class_name()
    check_exportable(system)
    if stream:
        return _export_stream(system, output)
    content = _with_metadata(_traced(system), to_text(_metadata(system)))
    if len(content) > _MOST_BYTES:
        raise InputError(f"{name}: its file would have {len(content):,} bytes, an ONNX file holds 2 GB")
    return _written(name, content, output, _difference(system, content), TOLERANCE)


def _written(name: str, content: bytes, output, difference: float, tolerance: float) -> Exported:
    """Write a file whose outputs do not differ too much from those of torch."""
    if not difference <= tolerance:
        raise InputError(
            f"{name}: cannot be exported: outputs of onnxruntime differ from those of torch by {difference:.1g}, at "
            f"most {tolerance:g} is allowed; the network computes in Python with the length of its input"
        )
    with replacing_path(output) as aside:
        aside.write_bytes(content)
    return Exported(name, len(content), difference, _SECONDS)


def _export_stream(system: System, output) -> Exported:
    """As :func:`export_onnx`, with states."""
    name = system.class_name()
    if not isinstance(system, Enhancer | Extractor):
        raise InputError(f"{name}: --stream is for enhancers and extractors, not for task {system.task}")
    step = step_of(system.network)
    with system.inferring():
        states = step.initial()
    shapes = {f"state{i}": list(state.shape) for i, state in enumerate(states)}
    facts = {"block": step.block, "delay": step.delay, "latency": step.block + step.delay, "states": shapes}
    facts["end"] = None if step.end is None else f"state{step.end}"
    wav, *enrolments = _inputs(system, _EXAMPLE_SECONDS)
    inputs = wav[:, : wav.shape[1] // step.block * step.block], *states
    names, outputs = ["wav", *shapes], ["output", *(f"new_{name}" for name in shapes)]
    content = _graph(name, step, inputs, names, outputs, {"wav": {1: "samples"}, "output": {1: "samples"}})
    if isinstance(system, Extractor):
        system.check_level()
        lengths, facts["speaker"] = {"enrolment": {1: "enrolment_samples"}}, "state0"
        enroller = _graph(name, Enroller(step), tuple(enrolments), ["enrolment"], ["speaker"], lengths)
        content, names = with_speaker(content, enroller, "state0"), [*names, "enrolment"]
    metadata = _metadata(system) | {"inputs": names, "block_seconds": None, "stream": facts}
    content = _with_metadata(content, to_text(metadata))
    session = session_of(content, "the exported network", threads=1)
    made: Any = (OnnxExtractor if enrolments else OnnxEnhancer)(session, metadata, str(output))
    difference = max(_stream_difference(system, made, step.block, seconds) for seconds in _SECONDS)
    return _written(name, content, output, difference, STREAM_TOLERANCE)


def _stream_difference(system: Any, made: Any, block: int, seconds: float) -> float:
    """The largest difference of a stream, and of a whole recording, from torch."""
    wav, *enrolments = (x[0].numpy() for x in _inputs(system, seconds))
    stream = made.opened(*enrolments)
    pieces = np.split(wav, range(block + 1, len(wav), block + 1))
    streamed = np.concatenate([*map(stream.process, pieces), stream.flush()])
    whole = [x.conditioned(enrolments)(wav) if enrolments else x.estimate(wav) for x in (system, made)]
    return float(max(np.abs(x - whole[0]).max() for x in (streamed, whole[1])))


def check_exportable(system: System) -> None:
    """Raise InputError if a system has no ONNX form, or the package onnx is not installed."""
    name = system.class_name()
    if not isinstance(system, Enhancer | Extractor | Verifier | EmbeddingEnhancer):
        raise InputError(f"{name}: systems of task {system.task} are not exported; the tasks are se, tse, sv, ee")
    if isinstance(system, Extractor):
        if system.network.several_enrolments:
            raise InputError(f"{name}: reads several enrolments at once; an exported network reads one")
        if "embedding" in system.network.conditioning:
            raise InputError(f"{name}: needs an embedding beside the audio; train it with a speaker_encoder")
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise InputError(f"{package} is not installed: tools/install.sh --extras onnx")


class _Positional(nn.Module):
    """A network whose inputs are all positional, and whose output is one tensor."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Tensor:
        """Inputs (1, ...) -> output (1, ...)."""
        return self.network(*inputs)


def _names(system: System) -> list[str]:
    """The inputs of the network."""
    if isinstance(system, EmbeddingEnhancer):
        return ["embedding", "noise"] if system.draws_noise else ["embedding"]
    return ["mixture", "enrolment"] if isinstance(system, Extractor) else ["wav"]


def _inputs(system: System, seconds: float) -> tuple[Tensor, ...]:
    """Inputs of the network: noise that is modulated at the rate of syllables, after a silence."""
    generator = torch.Generator().manual_seed(round(100 * seconds))
    if isinstance(system, EmbeddingEnhancer):
        return tuple(torch.randn(1, system.dim, generator=generator) for _ in _names(system))
    lengths = [round(seconds * system.fs), round(1.3 * max(seconds, 0.5) * system.fs) + 1]
    signals = []
    for length in lengths[: len(_names(system))]:
        level = torch.sin(torch.arange(length) / system.fs * 9).clamp(min=0)
        level[: length // 10] = 0
        signals.append(0.1 * level * torch.randn(1, length, generator=generator))
    return tuple(signals)


def _traced(system: System) -> bytes:
    """The ONNX file of the network, without metadata."""
    names, inputs = _names(system), _inputs(system, _EXAMPLE_SECONDS)
    lengths = {} if isinstance(system, EmbeddingEnhancer) else {name: {1: f"{name}_samples"} for name in names}
    if isinstance(system, Enhancer | Extractor):
        lengths["output"] = {1: "samples"}
    with system.inferring() as network, warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")
        network(*inputs)  # some networks read their weights at the first call
    return _graph(system.class_name(), _Positional(system.network).eval(), inputs, names, ["output"], lengths)


def _graph(name: str, network: nn.Module, inputs: tuple, names: list[str], outputs: list[str], lengths: dict) -> bytes:
    """The ONNX file of a network whose inputs and outputs are positional; ``lengths``: their dynamic axes."""
    buffer: Any = io.BytesIO()
    try:
        with torch.no_grad(), traceable(), warnings.catch_warnings(), _quiet():
            warnings.simplefilter("ignore")  # of constants that do not depend on the length
            torch.onnx.export(
                network,
                inputs,
                buffer,
                dynamo=False,  # the other exporter unrolls recurrent layers, and takes twenty times as long
                input_names=names,
                output_names=outputs,
                dynamic_axes=lengths,
                opset_version=OPSET,
            )
    except Exception as error:  # the exporter raises any type
        raise InputError(f"{name}: cannot be exported: ONNX lacks an operation of it ({brief(error)})") from None
    return buffer.getvalue()


def _quiet():
    return _Level(logging.getLogger("torch.onnx"))


class _Level:
    """Silences a logger inside ``with``."""

    def __init__(self, logger: logging.Logger):
        self.logger, self.level = logger, logger.level

    def __enter__(self) -> None:
        self.logger.setLevel(logging.CRITICAL)

    def __exit__(self, *fault) -> None:
        self.logger.setLevel(self.level)


def _metadata(system: System) -> dict[str, Any]:
    """See toolkit.systems.onnx.metadata."""
    facts = system.info()
    content = {"facts": facts, "lines": system.lines(facts), "inputs": _names(system)}
    if isinstance(system, Verifier):
        network = {"dim": system.dim, "identity": system.identity}
        return content | {"block_seconds": system.block_seconds, "network": network}
    if isinstance(system, EmbeddingEnhancer):
        facts_of = {"dim": system.dim, "output_dim": system.output_dim, "draws_noise": system.draws_noise}
        return content | {"network": facts_of}
    if isinstance(system, Extractor):
        return content | {"block_seconds": CHUNK_OF_EXTRACTORS}
    in_chunks = isinstance(system, Enhancer) and type(system.network).enhance is SpeechEnhancer.enhance
    return content | {"block_seconds": CHUNK_SECONDS if in_chunks else None}  # None: any length equals the whole


def _with_metadata(content: bytes, text: str) -> bytes:
    import onnx

    model = onnx.load_from_string(content)
    model.producer_name = "voxsift"
    entry = model.metadata_props.add()
    entry.key, entry.value = KEY, text
    return model.SerializeToString()


def _difference(system: System, content: bytes) -> float:
    """The largest difference between the outputs of onnxruntime and of torch."""
    session, names, differences = session_of(content, "the exported network"), _names(system), []
    for seconds in _SECONDS:
        inputs = _inputs(system, seconds)
        with system.inferring() as network:
            expected = network(*inputs).numpy()
        try:
            made = session.run(None, {name: x.numpy() for name, x in zip(names, inputs, strict=True)})[0]
        except Exception as error:  # onnxruntime raises a type for each status
            name = system.class_name()
            raise InputError(
                f"{name}: cannot be exported: onnxruntime cannot run it on {seconds:g} s of audio ({brief(error)})"
            ) from None
        if made.shape != expected.shape:
            return float("inf")
        if not isinstance(system, Enhancer | Extractor):
            made, expected = (x / max(np.linalg.norm(x), 1e-9) for x in (made, expected))
        differences.append(float(np.abs(made - expected).max()))
    return max(differences)
