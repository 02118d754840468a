"""Trained systems in ONNX files, run by onnxruntime on the CPU; imports no torch."""

import os
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from toolkit.io.ark import open_regular
from toolkit.io.cross_fade import overlapped
from toolkit.io.errors import InputError, brief
from toolkit.metrics.signal.intrusive import library
from toolkit.models.block_stream import ENDLESS, BlockStream
from toolkit.systems.audio_stream import AudioStream, in_pieces
from toolkit.systems.card import card_lines
from toolkit.systems.inference.embedding_enhancer_base import EmbeddingEnhancerBase
from toolkit.systems.inference.enhancer_base import EnhancerBase, check_observation
from toolkit.systems.inference.extractor_base import ExtractorBase
from toolkit.systems.inference.system_origin import Origin, summary
from toolkit.systems.inference.verifier_base import VerifierBase
from toolkit.systems.onnx.metadata import KEY, from_text

_PIECE_SECONDS = 10  # of a recording that a network with states reads at once


class OnnxSystem:
    """A network in an ONNX file.

    Args:
        session: inference session of onnxruntime.
        metadata: see toolkit.systems.onnx.metadata.
        path: the file.
    """

    task: ClassVar[str]

    def __init__(self, session: Any, metadata: dict, path: str):
        self.session, self.metadata = session, metadata
        facts = metadata["facts"]
        self.origin = Origin(path, None, facts.get("training"), facts.get("calibration"), facts.get("card"))

    @property
    def fs(self) -> int:
        """Sampling rate of the network in Hz; recordings at other rates are resampled."""
        return self.metadata["facts"]["fs"]

    def run(self, *inputs: np.ndarray) -> np.ndarray:
        """The output of the network for its inputs, each (1, ...) float32.

        Raises:
            InputError: onnxruntime cannot run the network on them.
        """
        return self.outputs(**dict(zip(self.metadata["inputs"], inputs, strict=True)))[0]

    def outputs(self, **inputs: np.ndarray) -> list[np.ndarray]:
        """As :meth:`run`, with named inputs and all outputs."""
        try:
            return self.session.run(None, inputs)
        except Exception as error:  # onnxruntime raises a type for each status
            raise InputError(
                f"{self.origin.path}: onnxruntime cannot run it ({brief(error)}); export it again"
            ) from None

    def class_name(self) -> str:
        """Class of the network that was exported."""
        return self.metadata["facts"]["class"]

    def opened(self, enrolment: np.ndarray | None = None) -> BlockStream:
        """The network before the first sample of a recording; ``enrolment``: (M,) samples, of an extractor.

        Raises:
            InputError: the file was not exported for streams.
        """
        facts = self.metadata.get("stream")
        if not facts:
            raise InputError(
                f"{self.origin.path}: {self.class_name()} is not exported for streams; run voxsift export --stream, of "
                "a causal network"
            )
        inputs = {name: np.zeros(shape, np.float32) for name, shape in facts["states"].items()}
        if facts.get("end"):
            inputs[facts["end"]][:] = ENDLESS
        if enrolment is not None:
            inputs["enrolment"] = enrolment[None]

        def step(samples: np.ndarray, left: int | None) -> np.ndarray:
            if left is not None and facts.get("end"):
                inputs[facts["end"]] = np.full(1, left, np.float32)
            output, *new = self.outputs(wav=samples[None], **inputs)
            if output.shape != (1, len(samples)) or len(new) != len(facts["states"]):
                raise InputError(f"{self.origin.path}: its outputs are not those of a stream; export it again")
            inputs.update(zip(facts["states"], new, strict=True))
            if enrolment is not None:  # a state holds the speaker from now on
                inputs["enrolment"] = np.zeros((1, 0), np.float32)
            return output[0]

        return BlockStream(step, facts["block"], facts["delay"])

    def info(self) -> dict:
        """Description of the system, as System.info when it was exported, with the path of the file."""
        stream = {"stream": self.metadata["stream"]} if self.metadata.get("stream") else {}
        return {**self.metadata["facts"], "path": self.origin.path, "weights": None, **stream}

    def __str__(self) -> str:
        """A summary of about ten lines."""
        lines = {**self.metadata["lines"], "weights": "in the file", "device": "cpu (onnxruntime)"}
        lines |= card_lines(self.origin.card)
        return summary(f"{type(self).__name__} {self.origin.path}", lines)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.metadata['facts']['class']} {self.origin.path}>"


class OnnxEnhancer(OnnxSystem, EnhancerBase):
    """As toolkit.systems.Enhancer."""

    task = "se"

    def estimate(self, wav: np.ndarray) -> np.ndarray:
        """Samples (N,) float32 at ``fs`` -> speech (N,)."""
        if self.metadata.get("stream"):
            return in_pieces(self.opened(), wav, _PIECE_SECONDS, self.fs)
        seconds = self.metadata.get("block_seconds")
        chunk = max(4, round(seconds * self.fs)) if seconds else len(wav)
        return overlapped(lambda part: self.run(part[None])[0], wav, chunk, chunk // 4)

    def stream(self, observation: float = 0.0) -> AudioStream:
        """As toolkit.systems.Enhancer.stream. Raises InputError unless the file was exported for streams."""
        check_observation(observation)
        return AudioStream(self.opened(), self.fs, observation)


class OnnxExtractor(OnnxSystem, ExtractorBase):
    """As toolkit.systems.Extractor."""

    task = "tse"

    @property
    def block_seconds(self) -> float | None:
        """See ExtractorBase."""
        return None if self.metadata.get("stream") else self.metadata.get("block_seconds") or super().block_seconds

    def conditioned(self, voices: list[np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """Enrolments (M_k,) float32 at ``fs`` -> function of mixtures (N,) that gives the speech (N,)."""
        if self.metadata.get("stream"):
            return lambda wav: in_pieces(self.pieces(voices), wav, _PIECE_SECONDS, self.fs)
        enrolment = np.concatenate(voices)[None]
        return lambda wav: self.run(np.ascontiguousarray(wav[None]), enrolment)[0]

    def pieces(self, voices: list[np.ndarray]) -> BlockStream:
        """See ExtractorBase."""
        return self.opened(np.concatenate(voices))


class OnnxVerifier(OnnxSystem, VerifierBase):
    """As toolkit.systems.Verifier."""

    task = "sv"

    @property
    def dim(self) -> int:
        """D, size of an embedding."""
        return self.metadata["network"]["dim"]

    @property
    def identity(self) -> dict:
        """The facts of the extractor that was exported."""
        return self.metadata["network"]["identity"]

    @property
    def block_seconds(self) -> float:
        """Seconds of a recording that the network reads at once."""
        return self.metadata.get("block_seconds") or super().block_seconds

    def vector(self, wav: np.ndarray) -> np.ndarray:
        """Samples (N,) float32 at ``fs`` -> embedding (D,) float32, not normalised."""
        return self.run(wav[None])[0]


class OnnxEmbeddingEnhancer(OnnxSystem, EmbeddingEnhancerBase):
    """As toolkit.systems.EmbeddingEnhancer."""

    task = "ee"

    @property
    def dim(self) -> int:
        """D, size of an embedding."""
        return self.metadata["network"]["dim"]

    @property
    def output_dim(self) -> int:
        """E, size of an enhanced embedding."""
        return self.metadata["network"]["output_dim"]

    @property
    def draws_noise(self) -> bool:
        """Whether the network reads noise."""
        return self.metadata["network"]["draws_noise"]

    def enhanced(self, rows: np.ndarray, noise: np.ndarray | None) -> np.ndarray:
        """Embeddings (N, D), noise (N, draws, D) or None -> mean over draws of the enhanced embeddings (N, E)."""
        if noise is None:
            return np.concatenate([self.run(row[None]) for row in rows])
        pairs = zip(rows, noise, strict=True)
        return np.stack([np.mean([self.run(row[None], x[None])[0] for x in draws], 0) for row, draws in pairs])


_SYSTEMS: dict[str, Any] = {
    system.task: system for system in (OnnxEnhancer, OnnxExtractor, OnnxVerifier, OnnxEmbeddingEnhancer)
}


def session_of(content: bytes, path, threads: int | None = None):
    """An inference session on the CPU, by default of OMP_NUM_THREADS threads.

    Raises:
        InputError: the content is not an ONNX network.
    """
    onnxruntime = library("onnxruntime", "lite")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads or int(os.environ.get("OMP_NUM_THREADS") or 0)
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a type for each status
        raise InputError(f"{path}: is not an ONNX network, or damaged ({brief(error)}); export it again") from None


def load_onnx(path, task: str | None = None) -> Any:
    """The system in a file of :func:`toolkit.systems.onnx.export.export_onnx`.

    Args:
        path: the file. Its weights must be inside: a file that names others is refused.
        task: the required task; None: any.

    Raises:
        InputError: the file is missing, damaged, not of voxsift, or of another task; or onnxruntime is not installed.

    Example::

        speech = load_onnx("enhancer.onnx").enhance("noisy.wav")
    """
    try:
        with open(open_regular(path), "rb") as file:
            content = file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    session = session_of(content, path)
    metadata = from_text(session.get_modelmeta().custom_metadata_map.get(KEY), path)
    task_found = metadata["facts"]["task"]
    if task not in (None, task_found):
        raise InputError(f"{path}: is for task {task_found}, must be for {task}")
    if sorted(x.name for x in session.get_inputs()) != sorted(metadata["inputs"]):
        raise InputError(f"{path}: its inputs are not those of its metadata; export it again")
    if metadata.get("stream"):
        session = session_of(content, path, threads=1)  # a block is too small to be shared
    return _SYSTEMS[task_found](session, metadata, str(path))
