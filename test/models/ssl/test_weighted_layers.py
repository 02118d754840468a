"""SSL features: frames, padding, what is learned; of published models in tiny and full architectures."""

import pytest
import torch
from helpers.plain import after_training

from toolkit.io.errors import InputError
from toolkit.models.asr.blstm_ctc import BlstmCtc
from toolkit.models.asr.transcriber import Transcriber
from toolkit.models.ssl.log_mel_hubert import LogMelHubert
from toolkit.models.ssl.masked_predictor import StoredSSL
from toolkit.models.ssl.wav2vec2 import KINDS, Layers, Untrained
from toolkit.models.ssl.weighted_layers import SSLFeatures
from toolkit.tasks.training_statistics import LevelStatistics, statistics_of


@pytest.mark.parametrize("options", [{}, {"normalized": True}, {"wavlm": False}])
def test_features_are_the_softmax_weighted_sum_of_all_hidden_states(options):
    features, wav = SSLFeatures(Untrained(**options)).eval(), 0.1 * torch.randn(2, 4000)
    features.layer_logits.data = torch.tensor([0.0, 2.0, 4.0, 8.0, 16.0]).log()  # weights n / 30, none of the first
    states = features.ssl.hidden_states(wav)
    assert len(states) == 5
    expected = sum(weight / 30 * state for weight, state in zip((0, 2, 4, 8, 16), states, strict=True))
    torch.testing.assert_close(features(wav)[0], expected, atol=1e-5, rtol=1e-4)
    assert features.dim == expected.shape[2]


def small_hubert() -> StoredSSL:
    """A network that reads a padded batch at once."""
    return StoredSSL(LogMelHubert(10, dim=16, heads=2, hidden=16, num_layers=2, position_kernel=9))


@torch.no_grad()
@pytest.mark.parametrize("model", [Untrained, small_hubert])
def test_an_utterance_does_not_depend_on_its_batch(model):
    features, lengths = after_training(SSLFeatures(model())).eval(), torch.tensor([6000, 4321, 300, 4321])
    wav = 0.1 * torch.randn(4, 6000)
    together, frames = features(wav, lengths)
    assert frames.tolist() == [features.num_frames(n) for n in lengths.tolist()]
    for row, x, n, count in zip(together, wav, lengths, frames, strict=True):
        torch.testing.assert_close(row[:count], features(x[None, :n])[0][0], atol=1e-5, rtol=1e-4)
        assert not row[count:].any()


@pytest.mark.parametrize("samples", [1, 399, 400, 719, 720, 16000])
def test_numbers_of_frames(samples):
    features = SSLFeatures(Untrained())
    assert features(torch.randn(1, samples))[0].shape[1] == features.num_frames(samples)


@pytest.mark.parametrize("freeze", [True, False])
def test_what_is_learned(freeze):
    features = SSLFeatures(Untrained(), freeze).train()
    features(torch.randn(1, 4000))[0].square().sum().backward()
    assert features.layer_logits.grad.any()
    assert all((p.grad is None) is freeze for p in features.ssl.parameters())
    assert features.ssl.training is not freeze


def test_what_training_changes_has_no_statistics():
    assert isinstance(statistics_of(SSLFeatures(Untrained())), LevelStatistics)


def test_another_rate_is_refused():
    with pytest.raises(InputError, match="8000"):
        SSLFeatures(Untrained(), fs=8000)


@pytest.mark.parametrize("name", ["wavlm_base_plus", "wavlm_large", "hubert_base", "wav2vec2_base"])
def test_probes_of_published_architectures_train_sum_and_head(name):
    """All layers and the transformer's input; nothing else of the model is trained."""
    kind = KINDS[name]

    class Outline(Untrained):
        def load(self):
            return Layers(kind.factory(), kind.normalized)

    with torch.device("meta"):
        model = Outline(dim=kind.dim, num_layers=kind.num_layers)
        probe = Transcriber(SSLFeatures(model), BlstmCtc(28, kind.dim), normalize="none")
    learned = {key for key, value in probe.named_parameters() if value.requires_grad and key[:6] != "model."}
    assert learned == {"frontend.layer_logits"}
    assert probe.frontend.layer_logits.shape == (kind.num_layers + 1,)
