"""Self-supervised models: which they are, where their weights come from, and that batches do not mix."""

import pytest
import torch
import torchaudio
from torchaudio.pipelines._wav2vec2.utils import _get_model

from toolkit.io.errors import InputError
from toolkit.models.ssl import wav2vec2
from toolkit.models.ssl.wav2vec2 import KINDS, Layers, Pretrained, Untrained


def shapes(model) -> dict:
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


@pytest.fixture
def tiny(monkeypatch):
    """A published model with the sizes of an untrained one; its file's state."""
    model = Untrained().load().model
    kind = KINDS["wavlm_base_plus"]
    make = lambda: Untrained(seed=5).load().model  # noqa: E731
    monkeypatch.setitem(KINDS, "wavlm_base_plus", wav2vec2._Kind(make, kind.pipeline, 4, False))
    return model.state_dict()


@pytest.mark.parametrize("name", KINDS)
def test_kinds_are_those_of_torchaudios_pipelines(name):
    """Sizes, layers, rate, normalisation."""
    kind = KINDS[name]
    bundle = getattr(torchaudio.pipelines, kind.pipeline)
    with torch.device("meta"):
        ours, theirs = kind.factory(), _get_model(bundle._model_type, bundle._params)
    assert shapes(ours) == shapes(theirs)
    assert kind.normalized == bundle._normalize_waveform
    assert kind.num_layers == len(ours.encoder.transformer.layers)
    assert bundle.sample_rate == Pretrained(name).fs
    assert ours.encoder.transformer.layer_norm_first == theirs.encoder.transformer.layer_norm_first


def test_sizes_of_the_four_of_the_paper():
    """WavLM Large has more than three times the parameters of Base+ (section 5.1.2)."""
    count = {}
    for name in ("wavlm_base_plus", "wavlm_large", "hubert_base", "wav2vec2_base"):
        with torch.device("meta"):
            count[name] = sum(p.numel() for p in KINDS[name].factory().parameters()) / 1e6
    assert count == pytest.approx(
        {"wavlm_base_plus": 94.4, "wavlm_large": 315.5, "hubert_base": 94.4, "wav2vec2_base": 94.4}, abs=0.1
    )


@pytest.mark.parametrize("prefix", ["", "model."])
def test_weights_from_a_file(tiny, tmp_path, prefix):
    """Also when they were saved with torchaudio's normalising model around them."""
    torch.save({prefix + key: value for key, value in tiny.items()}, tmp_path / "w.pth")
    loaded = Pretrained("wavlm_base_plus", str(tmp_path / "w.pth")).load().model.state_dict()
    assert all(torch.equal(value, loaded[key]) for key, value in tiny.items())


@pytest.mark.parametrize("fault", ["damaged", "other"])
def test_a_file_that_holds_something_else(tiny, tmp_path, fault):
    path = tmp_path / "w.pth"
    torch.save({"encoder.weight": torch.zeros(1)}, path)
    if fault == "damaged":
        path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match=r"w.pth: holds no weights of wavlm_base_plus as torchaudio.pipelines.WAVLM_B"):
        Pretrained("wavlm_base_plus", str(path)).load()


def test_the_pipeline_fetches_without_a_file(tiny, monkeypatch):
    """Its normalisation over the batch is left out; without a network the message is a remedy."""
    bundle = type(torchaudio.pipelines.WAVLM_BASE_PLUS)
    inner = Untrained().load().model
    outer = torch.nn.Module()
    outer.model = inner
    monkeypatch.setattr(bundle, "get_model", lambda self: outer)
    assert Pretrained().load().model is inner

    def offline(self):
        raise OSError("no network")

    monkeypatch.setattr(bundle, "get_model", offline)
    with pytest.raises(InputError, match="WAVLM_BASE_PLUS cannot be downloaded .no network.; download it"):
        Pretrained().load()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Pretrained("wavlm_huge"), "name 'wavlm_huge': must be one of wavlm_base, "),
        (lambda: Pretrained(weights="nowhere.pth"), "nowhere.pth: no such file of wavlm_base_plus's weights"),
        (lambda: Untrained(dim=5), "dim 5 .* heads 2"),
    ],
)
def test_faults_are_said_before_work_starts(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("wavlm", [True, False])
@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("samples", [1, 399, 401, 4000])
def test_frames_of_a_waveform_do_not_depend_on_the_batch(wavlm, normalized, samples):
    """A frame every 320 samples from 400 on; less is padded to one frame."""
    network = Untrained(wavlm, normalized=normalized).load().eval()
    wav = torch.randn(3, samples) * torch.tensor([[0.01], [1.0], [3.0]])
    layers = network(wav, 3)
    assert [tuple(layer.shape) for layer in layers] == [(3, max(1 + (samples - 400) // 320, 1), 16)] * 3
    for alone, batch in zip(network(wav[1:2], 3), layers, strict=True):
        torch.testing.assert_close(alone[0], batch[1], atol=1e-5, rtol=1e-4)


def test_normalised_models_do_not_hear_the_level():
    network, wav = Untrained(normalized=True).load().eval(), torch.randn(1, 4000)
    torch.testing.assert_close(network(5 * wav + 2, 4)[3], network(wav, 4)[3], atol=1e-4, rtol=1e-3)
    plain = Layers(network.model, normalized=False)
    assert (plain(5 * wav + 2, 4)[3] - plain(wav, 4)[3]).abs().max() > 1e-2
