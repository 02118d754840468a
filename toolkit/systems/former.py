"""Functions of earlier versions, implemented with systems; see toolkit.aliases."""

import numpy as np

from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.systems import packing
from toolkit.systems.base import System
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.extractor import Extractor
from toolkit.systems.verifier import Verifier


def load_embedder(path, model: str = Verifier.weights, trust: bool = False) -> SpeakerEmbedder:
    """The network of Verifier.load."""
    return Verifier.load(path, model, trust).network


def build_encoder(config) -> SpeakerEncoder:
    """Verifier.build, its encoder."""
    return Verifier.build(config).model


def load_enhancer(path, model: str = Enhancer.weights, trust: bool = False) -> SpeechEnhancer:
    """The network of Enhancer.load."""
    return Enhancer.load(path, model, trust).network


def load_extractor(path, model: str = Extractor.weights, trust: bool = False) -> SpeakerExtractor:
    """The network of Extractor.load."""
    return Extractor.load(path, model, trust).network


def embed_file(embedder, path, channel: int | str | None = None) -> np.ndarray:
    """Verifier.embed for a file."""
    return _of(Verifier, embedder).embed(path, channel=channel)


def enhance(model, wav, observation: float = 0.0) -> np.ndarray:
    """Enhancer.enhance for samples at the network's rate."""
    enhancer = _of(Enhancer, model)
    return enhancer.enhance(wav, enhancer.fs, observation)


def extract(model, mixture, enrolment) -> np.ndarray:
    """Extractor.extract for samples at the network's rate."""
    extractor = _of(Extractor, model)
    return extractor.extract(mixture, enrolment, extractor.fs)


def pack(expdir, output, model: str, task: str = "sv") -> dict:
    """packing.pack for a config that may lack its task."""
    return packing.pack(expdir, output, model, task)


def _of(kind: type[System], network):
    return network if isinstance(network, kind) else kind(network)
