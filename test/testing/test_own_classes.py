"""Every class of the toolkit keeps the promises that an outsider's class is checked for."""

import inspect

import pytest
import torch
from helpers import discover
from helpers.tiny_networks import VERIFIERS

from toolkit.features.frontend import FrontEnd
from toolkit.losses.enhancement.waveform import EnhancementLoss
from toolkit.losses.speaker.margin import SpeakerLoss
from toolkit.models.embedding import SEED
from toolkit.models.embedding.base import EmbeddingRestorer
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.sv import GE2E
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.tse.base import SpeakerExtractor
from toolkit.testing import (
    check_embedding_restorer,
    check_encoder,
    check_enhancer,
    check_extractor,
    check_loss,
    fake_cuda,
)

_MAPS = {"window": 64, "hop": 16, "dense_channels": (6, 8), "conv_channels": (10, 12), "dense_depth": 3}
_MAPS |= {"stem_channels": 4, "tcn_layers": 2, "tcn_blocks": 3}
# For speed; a class that is not here is tried at its full size.
SMALL = {
    "ConvTasNet": {"filters": 16, "filter_samples": 16, "bottleneck": 6, "hidden": 8, "blocks": 3, "repeats": 2},
    "DRL": {"dim": 12, "speaker_dim": 6, "environment_dim": 4},
    "Demucs": {"hidden": 8, "depth": 3},
    "ERes2NetV2": {"n_mels": 20, "channels": 8, "blocks": (1, 1, 1, 1), "embedding_dim": 12},
    "EnhancedEncoder": {"encoder": GE2E(n_mels=1, hidden=12, num_layers=2, embedding_dim=12)}
    | {"restorer": SEED(dim=12, ensemble="raw")},  # the prediction alone begins at zero
    "EcapaTdnn": {"n_mels": 20, "channels": 32, "mfa_channels": 48, "embedding_dim": 16},
    "ParaNoise": {
        "n_mels": 20,
        "channels": (8, 8, 16, 24),
        "blocks": (1, 2, 1, 1),
        "embedding_dim": 12,
        "base_width": 32,
    },
    "GTCRN": {"window": 64, "hop": 32, "low_bins": 9, "erb_bands": 8, "channels": 8},
    "GTCRNExtractor": {
        "window": 64,
        "hop": 32,
        "low_bins": 9,
        "erb_bands": 8,
        "channels": 8,
        "speaker_encoder": VERIFIERS["GE2E"](),
    },
    "GE2E": {"n_mels": 20, "hidden": 12, "num_layers": 2, "embedding_dim": 16},
    "GatedCRN": {"window": 64, "hop": 32, "channels": (2, 3, 4), "local_hidden": 4, "representation": "local"},
    "LGRTSE": {"window": 64, "hop": 32, "channels": (3, 4, 6), "local_hidden": 4, "representation": "local"},
    "MeanFbank": {"n_mels": 20},
    "ReDimNet2": {"n_mels": 20, "channels": 4, "strides": ((1, 1), (2, 2)), "blocks": (1, 1), "expansions": (2, 1)}
    | {"reductions": (10, 20), "out_channels": 3, "embedding_dim": 12, "attention_channels": 8},
    "ResNet34": {"n_mels": 20, "channels": (8, 8, 16), "blocks": (1, 2, 1), "strides": (1, 2, 2)}
    | {"embedding_dim": 12, "reduction": 1, "attention_channels": 6},
    "SDPCCN": _MAPS | {"speaker_channels": 7},
    "SEED": {"dim": 12},
    "SEFPNet": _MAPS | {"integration_channels": 5, "mix_channels": 6},
    "SpeakerProjection": {"dim": 12, "kept": 5, "size": 6},
    "Speakerfilter": {"window": 64, "hop": 32, "channels": (2, 3, 4), "local_hidden": 4},
    "TEAPSE": {"window": 64, "hop": 32, "channels": 3, "levels": 3, "squeezed": 4, "dilations": (1, 2), "groups": 2}
    | {"local_hidden": 4, "representation": "local"},
    "VoiceFilter": {"window": 64, "hop": 32, "channels": 3, "dilations": (1, 2), "reduced": 2, "lstm": 4, "hidden": 5}
    | {"local_hidden": 4, "representation": "local"},
    "WavLmEcapa": {"channels": 32, "embedding_dim": 12, "attention_channels": 8},
    "XVector": {"n_mels": 20, "projection": 16, "channels": 16, "pooled_channels": 24, "embedding_dim": 12},
}


def made(cls):
    torch.manual_seed(1)
    return discover.instance(cls, **SMALL.get(cls.__name__, {}))


def every(base):
    return pytest.mark.parametrize("cls", discover.subclasses(base))


@every(SpeakerEncoder)
def test_encoder(cls):
    n_mels = inspect.signature(cls).parameters.get("n_mels")
    features, frames = (SMALL.get(cls.__name__, {}).get("n_mels", n_mels.default), 50) if n_mels else (1, 4000)
    check_encoder(made(cls), features, frames)


@every(SpeechEnhancer)
def test_enhancer(cls):
    if cls.__name__ == "DeepFilterNet3":
        pytest.skip("a compiled library without gradients, test/models/se/test_deepfilternet3.py")
    check_enhancer(made(cls))


@every(SpeakerExtractor)
def test_extractor(cls):
    check_extractor(made(cls))


@every(EmbeddingRestorer)
def test_embedding_restorer(cls):
    check_embedding_restorer(made(cls))


@pytest.mark.parametrize("cls", [*discover.subclasses(SpeakerLoss), *discover.subclasses(EnhancementLoss)])
def test_loss(cls):
    check_loss(made(cls))


@every(FrontEnd)
def test_a_front_end_is_made_as_a_part_of_an_outline(cls):
    """A network that embeds enrolments has one; its outline is made without memory."""
    with torch.device("meta"):
        made(cls)


@every(FrontEnd)
def test_a_front_end_computes_where_its_input_lies(cls):
    with fake_cuda(made(cls)) as frontend:
        lengths = torch.full((2,), 3000, device="cuda")
        for given in (None, lengths):
            assert frontend(torch.zeros(2, 3000, device="cuda"), given)[0].device.type == "cuda"
