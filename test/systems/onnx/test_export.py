"""Every exported network gives in onnxruntime what it gives in torch."""

import numpy as np
import pytest
import torch
from torch import nn

from test.helpers import tiny_networks
from test.helpers.tiny_networks import EXTRACTORS, RESTORERS, VERIFIERS, tiny
from toolkit.io.errors import InputError
from toolkit.models import embedding, se, sv, tse
from toolkit.models.se.base import SpeechEnhancer
from toolkit.systems import EmbeddingEnhancer, Enhancer, Extractor, Verifier
from toolkit.systems.onnx.export import TOLERANCE, export_onnx
from toolkit.systems.onnx.onnx_systems import load_onnx

pytest.importorskip("onnx")
RNG = np.random.default_rng(0)
# Of an output sample, of a component of an embedding of unit length:
close = {"atol": TOLERANCE, "rtol": 0}


def speech(seconds: float, fs: int) -> np.ndarray:
    """Noise that comes and goes, with a silence in between."""
    samples = RNG.standard_normal(round(seconds * fs)).astype(np.float32)
    level = np.sin(np.arange(len(samples)) / fs * 7).clip(0)
    return 0.1 * samples * level.astype(np.float32) + np.float32(1e-4) * (level > 0.5)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """(name) -> the system in torch, and from its ONNX file; made once."""
    made = {}

    def both(name: str):
        if name not in made:
            kinds = ((Verifier, VERIFIERS), (Extractor, EXTRACTORS), (EmbeddingEnhancer, RESTORERS))
            kind = next((kind for kind, names in kinds if name in names), Enhancer)
            system, path = kind(tiny(name)), tmp_path_factory.mktemp("onnx") / f"{name}.onnx"
            export_onnx(system, path)
            made[name] = system, load_onnx(path, system.task)
        return made[name]

    return both


def test_every_network_is_here():
    """A new network is added to the helper, or fails here."""
    abstract = {"EmbeddingRestorer", "SpeechEnhancer", "SpeakerEncoder", "SpeakerEmbedder", "SpeakerExtractor", "DPCCN"}
    public = {name for room in (se, tse, sv, embedding) for name in room.__all__ if name[0].isupper()} - abstract
    here = {name.partition("-")[0] for names in (VERIFIERS, EXTRACTORS, RESTORERS) for name in names}
    published = {"DeepFilterNet3"}  # a compiled library
    assert public - published <= here | set(tiny_networks.ENHANCERS)


@pytest.mark.parametrize("name", VERIFIERS)
@pytest.mark.parametrize(("seconds", "fs"), [(0.3, 16000), (0.3, 8000), (2.345, 16000), (1.5, 44100)])
def test_verifiers(exported, name, seconds, fs):
    by_torch, by_onnx = exported(name)
    samples = speech(seconds, fs)
    np.testing.assert_allclose(by_onnx.embed(samples, fs), by_torch.embed(samples, fs), **close)
    assert by_onnx.identity == by_torch.identity
    assert by_onnx.dim == by_torch.dim


@pytest.mark.parametrize("name", tiny_networks.ENHANCERS)
@pytest.mark.parametrize(("seconds", "fs"), [(0.3, 16000), (0.3, 8000), (60, 8000)])
def test_enhancers(exported, name, seconds, fs):
    by_torch, by_onnx = exported(name)
    samples = speech(seconds, fs)
    np.testing.assert_allclose(by_onnx.enhance(samples, fs, 0.1), by_torch.enhance(samples, fs, 0.1), **close)


@pytest.mark.parametrize("name", EXTRACTORS)
@pytest.mark.parametrize(("seconds", "fs"), [(0.3, 8000), (1.234, 16000)])
def test_extractors(exported, name, seconds, fs):
    by_torch, by_onnx = exported(name)
    mixture, enrolments = speech(seconds, fs), [speech(0.7, fs), speech(0.4, fs)]
    expected = by_torch.extract(mixture, enrolments, fs)
    np.testing.assert_allclose(by_onnx.extract(mixture, enrolments, fs), expected, **close)


@pytest.mark.parametrize("name", RESTORERS)
def test_embedding_enhancers(exported, name):
    by_torch, by_onnx = exported(name)
    rows = RNG.standard_normal((3, 8)).astype(np.float32)
    for draws in (1, 4):
        expected = by_torch.enhance(rows, list("abc"), 1, draws)
        np.testing.assert_allclose(by_onnx.enhance(rows, list("abc"), 1, draws), expected, **close)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*VERIFIERS, *EXTRACTORS])
def test_a_minute(exported, name):
    by_torch, by_onnx = exported(name)
    samples = speech(60, by_torch.fs)
    if name in VERIFIERS:
        np.testing.assert_allclose(by_onnx.embed(samples, by_torch.fs), by_torch.embed(samples, by_torch.fs), **close)
    else:
        made, expected = (system.extract(samples, samples[:48000], by_torch.fs) for system in (by_onnx, by_torch))
        np.testing.assert_allclose(made, expected, **close)


def test_the_facts_are_those_of_the_system(exported):
    by_torch, by_onnx = exported("EcapaTdnn-8kHz")
    assert by_onnx.fs == by_torch.fs == 8000
    facts = by_torch.info()
    assert {key: by_onnx.info()[key] for key in facts if key != "path"} == {
        k: v for k, v in facts.items() if k != "path"
    }
    assert "EcapaTdnn" in str(by_onnx)


class InPython(SpeechEnhancer):
    """Multiplies by the number of samples: a constant for an exporter."""

    fs = 16000

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, wav):
        return wav * self.gain * (len(wav.tolist()[0]) / 16000)


class NoOperator(InPython):
    """An operation that ONNX lacks."""

    def forward(self, wav):
        return torch.linalg.lstsq(wav.T, wav.T).solution * wav


@pytest.mark.parametrize("network", [InPython, NoOperator])
def test_what_cannot_be_exported_is_refused_by_name(network, tmp_path):
    with pytest.raises(InputError, match=network.__name__):
        export_onnx(Enhancer(network()), tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())


def test_an_extractor_without_an_encoder_is_refused(tmp_path):
    network = tse.VoiceFilter(
        embedding_dim=8, window=64, hop=32, channels=3, dilations=(1,), reduced=2, lstm=4, hidden=5
    )
    with pytest.raises(InputError, match="VoiceFilter.*speaker_encoder"):
        export_onnx(Extractor(network), tmp_path / "x.onnx")


def test_a_network_is_as_before_after_an_export(exported):
    """Its methods are the usual ones again."""
    system, _ = exported("GTCRN")
    assert system.network.stft.forward.__func__ is type(system.network.stft).__dict__["forward"]
    assert "toolkit.features" in system.network.stft.forward.__module__
