"""WavLM-ECAPA: which states are summed, whose weights are kept, published size."""

import io

import pytest
import torch
from helpers.plain import after_training

from toolkit.features.raw_waveform import Waveform
from toolkit.io.errors import InputError
from toolkit.models.ssl.base import SSLModel
from toolkit.models.ssl.wav2vec2 import Pretrained, Untrained
from toolkit.models.sv.embedder import SpeakerEmbedder
from toolkit.models.sv.wavlm_ecapa import WavLmEcapa
from toolkit.systems.verifier import Verifier
from toolkit.testing import check_encoder


class Counted(Untrained):
    """Other weights in the network that is built than in the one that is loaded; counts how often that is."""

    loads = 0

    def load(self):
        self.loads += 1
        return super().load()

    def build(self):
        return Untrained(seed=99).load()


def small(ssl: SSLModel | None = None, **changes) -> WavLmEcapa:
    sizes = {"channels": 32, "embedding_dim": 12, "attention_channels": 8}
    return WavLmEcapa(ssl or Untrained(), **(sizes | changes))


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_size_is_that_of_the_published_table():
    """Table 2 of SEED: 105.6 M with SEED, 1,373,760 on 192-d; its other rows count a classifier of 5,994 speakers."""
    with torch.device("meta"):
        extractor = count(WavLmEcapa(Pretrained("wavlm_base_plus"), freeze_ssl=False))
    assert extractor == pytest.approx(105.6e6 - 1_373_760, rel=0.02)
    assert extractor + 1_373_760 + 193 * 5994 == pytest.approx(105.6e6, rel=0.01)


@pytest.mark.parametrize("freeze", [True, False])
@pytest.mark.parametrize("ssl", [Untrained(normalized=True), Untrained(wavlm=False)])
def test_variants_keep_the_promises(ssl, freeze):
    check_encoder(small(ssl, freeze_ssl=freeze), features=1, frames=4000)


@pytest.mark.parametrize("options", [{}, {"normalized": True}, {"wavlm": False}])
def test_hidden_states_are_the_input_and_the_outputs_of_the_layers(options):
    """The last is what the whole model gives, the first what goes into the first layer."""
    network, wav = Untrained(num_layers=3, **options).load().eval(), torch.randn(2, 4000)
    states = network.hidden_states(wav)
    heard = torch.nn.functional.layer_norm(wav, wav.shape[1:]) if network.normalized else wav
    encoder = network.model.encoder
    features = encoder.feature_projection(network.model.feature_extractor(heard, None)[0])
    torch.testing.assert_close(states[0], encoder.transformer._preprocess(features))
    torch.testing.assert_close(states[-1], network.model(heard)[0])
    assert [tuple(state.shape) for state in states] == [(2, 12, 16)] * 4
    torch.testing.assert_close(states[1:-1], network(wav, 3)[:-1])


def test_the_sum_weighs_all_states_by_softmax():
    """Logits of log 1, log 2, ..., log 5: weights 1/15 to 5/15."""
    model, wav = small().eval(), torch.randn(1, 4000)
    assert model.layer_weights().tolist() == pytest.approx([1 / 5] * 5)
    model.layer_logits.data = torch.arange(1.0, 6).log()
    assert model.layer_weights().sum().item() == pytest.approx(1)
    expected = sum(n / 15 * state for n, state in enumerate(model.ssl.hidden_states(wav), 1))
    torch.testing.assert_close(model.summed(wav, None)[0], expected)


def test_features_are_normalised_over_the_utterance():
    model, heard = small(Untrained(dim=32)).eval(), []
    model.ecapa.register_forward_pre_hook(lambda _, arguments: heard.append(arguments[0]))
    wav = torch.randn(2, 9000)
    model(wav[:, :, None])
    model(wav[:, :, None], torch.tensor([9000, 5000]))
    alone = torch.nn.functional.instance_norm(model.summed(wav[1:, :5000], None)[0].transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(heard[1][1, : alone.shape[1]], alone[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(heard[1][0], heard[0][0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("freeze", [True, False])
def test_a_frozen_model_stays_as_it_is(freeze):
    model = small(freeze_ssl=freeze).train()
    model(torch.randn(2, 4000, 1)).square().sum().backward()
    assert model.ssl.training is not freeze
    assert all((p.grad is None) is freeze for p in model.ssl.parameters())
    assert model.layer_logits.grad.any()


def test_weights_are_read_once_and_travel_with_the_experiment():
    """Before the first batch the network has those that build gave; afterwards a state dict is enough."""
    ssl, wav = Counted(), torch.randn(1, 4000, 1)
    model = small(ssl).eval()
    assert ssl.loads == 0
    expected = [model(wav), model(wav)][0]
    assert ssl.loads == 1
    torch.testing.assert_close(model.ssl(wav[:, :, 0], 4), Untrained().load()(wav[:, :, 0], 4))
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = small(Counted()).eval()
    other.load_state_dict(torch.load(file, weights_only=True))
    torch.testing.assert_close(other(wav), expected)
    assert other._model.loads == 0


def test_a_state_from_before_the_first_batch_is_no_trained_one():
    model, other = small(Counted()), small(Counted())
    other.load_state_dict(model.state_dict())
    other.eval()(torch.randn(1, 4000, 1))
    assert other._model.loads == 1


def test_batches_from_audio_on():
    embedder = SpeakerEmbedder(Waveform(), after_training(small()), "none").eval()
    wav, lengths = 0.1 * torch.randn(4, 6000), torch.tensor([6000, 4321, 300, 4321])
    with torch.no_grad():
        alone = torch.cat([embedder(x[None, :n]) for x, n in zip(wav, lengths, strict=True)])
        torch.testing.assert_close(embedder(wav, lengths), alone, atol=1e-4, rtol=1e-3)
    assert Verifier(embedder).cost()["parameters"] == count(embedder)


def test_a_front_end_that_does_not_fit():
    with pytest.raises(InputError, match="Waveform"):
        small()(torch.randn(1, 50, 80))
    with pytest.raises(InputError, match="8000 Hz.*16000 Hz"):
        SpeakerEmbedder(Waveform(8000), small(), "none")
