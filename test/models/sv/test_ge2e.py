"""GE2E against its definition in plain torch, and against Resemblyzer where that can be imported."""

import hashlib
import math
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from toolkit.data.collate import pad
from toolkit.features.mel_power import MelPower
from toolkit.io.errors import InputError
from toolkit.models.sv import ge2e
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.ge2e import GE2E
from toolkit.nn.pretrained import without_weights
from toolkit.testing import check_encoder

SAMPLES = (1600, 4800, 19199, 19200, 25600, 31519, 31520, 37920, 80079, 192000)  # at 31,520 a second window


def sounds(samples: int, seed: int = 0) -> np.ndarray:
    """A buzz whose pitch moves, in noise; or real speech, where there is some."""
    corpus = Path(os.environ.get("CORPORA", "no such")) / "LibriSpeech/test-clean"
    files = sorted(corpus.glob("*/*/*.opus"))[seed::200]
    if files:
        return np.concatenate([soundfile.read(file, dtype="float32")[0] for file in files])[8000 : 8000 + samples]
    rng, time = np.random.default_rng(seed), np.arange(samples) / 16000
    buzz = sum(np.sin(2 * np.pi * k * (120 * time + 5 * np.sin(3 * time))) / k for k in range(1, 20))
    return (0.02 * buzz + 0.003 * rng.standard_normal(samples)).astype(np.float32)


def windows_of(samples: int) -> list[int]:
    """First frames of the windows, by the rule of Resemblyzer's compute_partial_slices in whole samples."""
    hops = math.ceil((samples + 1) / 160)
    starts = list(range(0, max(1, hops - 160 + 77 + 1), 77))
    short = (samples - 160 * starts[-1]) / (160 * 160) < 0.75
    return starts[:-1] if short and len(starts) > 1 else starts


def oracle(weights: dict, wav: np.ndarray) -> torch.Tensor:
    """The embedding of one recording: pad it to the last window, read each window alone, average."""
    lstm, linear = torch.nn.LSTM(40, 256, 3, batch_first=True), torch.nn.Linear(256, 256)
    for module, name in ((lstm, "lstm."), (linear, "linear.")):
        module.load_state_dict({key.removeprefix(name): weights[key] for key in weights if key.startswith(name)})
    starts = windows_of(len(wav))
    padded = np.pad(wav, (0, max(0, 160 * (starts[-1] + 160) - len(wav))))
    feats = MelPower(target_dbfs=None)(torch.from_numpy(padded)[None])[0][0]
    vectors = [torch.relu(linear(lstm(feats[None, start : start + 160])[0][0, -1])) for start in starts]
    mean = sum(vector / vector.norm() for vector in vectors) / len(vectors)
    return mean / mean.norm()


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return GE2E().eval().requires_grad_(False)


def test_parameters_are_those_of_the_published_network():
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in GE2E().parameters()) == 1_423_616


def test_recordings_of_all_lengths_are_embedded_by_the_definition(model):
    embedder = SpeakerEmbedder(MelPower(target_dbfs=None), model, "none").eval()
    recordings = [sounds(samples) for samples in SAMPLES]
    truth = torch.stack([oracle(model.state_dict(), wav) for wav in recordings])
    alone = torch.cat([embedder(torch.from_numpy(wav)[None]) for wav in recordings])
    torch.testing.assert_close(alone, truth, atol=1e-6, rtol=0)
    torch.testing.assert_close(embedder(*pad(recordings)), truth, atol=1e-6, rtol=0)


def test_a_long_recording_is_read_in_parts(model, monkeypatch):
    feats = torch.rand(2, 1000, 40)
    whole = model(feats)
    monkeypatch.setattr(ge2e, "_WINDOWS", 5)
    torch.testing.assert_close(model(feats), whole)


@pytest.mark.parametrize("sizes", [{"min_frames": 1}, {"window_frames": 30, "step_frames": 30, "min_frames": 10}])
def test_other_windows_keep_the_promises(sizes):
    check_encoder(GE2E(n_mels=8, hidden=12, num_layers=1, embedding_dim=6, **sizes), features=8, frames=200)


def test_windows_leave_nothing_out():
    for step in (0, 161):
        with pytest.raises(InputError, match="1 to 160"):
            GE2E(step_frames=step)


@pytest.fixture
def saved(model, tmp_path):
    """A file such as Resemblyzer's."""
    state = model.state_dict() | {"similarity_weight": torch.ones(1), "similarity_bias": torch.ones(1)}
    torch.save({"step": 1, "model_state": state, "optimizer_state": {}}, tmp_path / "pretrained.pt")
    return tmp_path / "pretrained.pt"


def test_weights_of_a_file(model, saved):
    feats = torch.rand(1, 200, 40)
    torch.testing.assert_close(GE2E(weights=str(saved))(feats), model(feats))


def test_wrong_files_of_weights(saved, tmp_path):
    with pytest.raises(InputError, match=r"pretrained\.pt.*size mismatch"):
        GE2E(hidden=8, weights=str(saved))
    with pytest.raises(InputError, match=r"no\.pt"):
        GE2E(weights=str(tmp_path / "no.pt"))
    for content in (b"", saved.read_bytes()[:999]):
        saved.write_bytes(content)
        with pytest.raises(InputError, match=r"pretrained\.pt") as error:
            GE2E(weights=str(saved))
        assert "\n" not in str(error.value)


def test_code_in_a_file_of_weights_is_not_run(tmp_path):
    torch.save({"model_state": Path}, tmp_path / "bad.pt")
    with pytest.raises(InputError, match=r"bad\.pt"):
        GE2E(weights=str(tmp_path / "bad.pt"))


def test_the_installed_file_must_be_the_published_one(saved, monkeypatch):
    """A package ``resemblyzer`` with a file: found, not imported, refused for its content but not for its hash."""
    package = saved.parent / "resemblyzer"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit")
    saved.rename(package / saved.name)
    monkeypatch.syspath_prepend(str(saved.parent))
    with pytest.raises(InputError, match="--extras pretrained"):
        GE2E(weights="resemblyzer")
    monkeypatch.setattr(ge2e, "_SHA256", hashlib.sha256((package / saved.name).read_bytes()).hexdigest())
    GE2E(weights="resemblyzer")


def test_without_the_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="tools/install.sh --extras pretrained"):
        GE2E(weights="resemblyzer")
    with without_weights():
        GE2E(weights="resemblyzer")


@pytest.mark.parametrize("level", [1.0, 0.01])
def test_published_weights_give_the_packages_embeddings(level):
    pytest.importorskip("librosa")  # what resemblyzer imports
    pytest.importorskip("webrtcvad")
    theirs = pytest.importorskip("resemblyzer")
    package = theirs.VoiceEncoder("cpu", verbose=False)
    ours = SpeakerEmbedder(MelPower(), GE2E(weights="resemblyzer"), "none").eval()
    for samples in SAMPLES:
        wav = (level * sounds(samples)).astype(np.float32)
        expected = package.embed_utterance(theirs.audio.normalize_volume(wav, -30, increase_only=True))
        with torch.no_grad():
            assert ours(torch.from_numpy(wav)[None])[0].numpy() == pytest.approx(expected, abs=1e-5)


def test_what_is_pooled_is_mean_and_deviation_of_the_last_layer():
    """By the layer's outputs, window by window; cosines are those without pooling."""
    torch.manual_seed(0)
    plain, wav = GE2E(hidden=12, num_layers=2, embedding_dim=9).eval(), torch.rand(1, 320, 40)
    pooled = GE2E(hidden=12, num_layers=2, embedding_dim=9, pooled=True).eval()
    pooled.load_state_dict(plain.state_dict())
    with torch.no_grad():
        vector, expected = pooled(wav)[0], plain(wav)[0]
        outputs = [plain.lstm(wav[:, start : start + 160])[0][0].double() for start in (0, 77, 154)]
    assert pooled.embedding_dim == len(vector) == 9 + 24
    parts = [torch.cat([frames.mean(0), frames.std(0, correction=0)]) for frames in outputs]
    torch.testing.assert_close(vector[:9], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        (vector[9:] / vector[9:].norm()).double(), sum(parts) / sum(parts).norm(), rtol=1e-4, atol=1e-5
    )
