"""SSL-MSE: equations 14 to 21 by hand, and a model which is used, not trained."""

import io

import pytest
import torch
from torch import nn

from toolkit.io.errors import InputError
from toolkit.losses.base import TrainingFacts
from toolkit.losses.enhancement.ssl_mse import SSLMSE
from toolkit.losses.enhancement.waveform import SNR, Multitask
from toolkit.models.ssl.base import LayerwiseNetwork, SSLModel
from toolkit.models.ssl.wav2vec2 import Pretrained, Untrained


class Powers(LayerwiseNetwork):
    """Layer n of a frame of two samples is weight * frame^n: D = 2, T' = N / 2."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0))
        self.asked = []

    def forward(self, wav, num_layers):
        self.asked.append((num_layers, torch.is_grad_enabled()))
        return [self.weight * wav.unflatten(1, (-1, 2)) ** n for n in range(1, num_layers + 1)]


class PowersModel(SSLModel):
    def __init__(self, num_layers: int = 4):
        self.num_layers = num_layers

    def load(self):
        return Powers()


ESTIMATE, CLEAN = torch.tensor([[1.0, 2.0, 0.0, -1.0]]), torch.tensor([[1.0, 1.0, 0.0, 1.0]])


def test_the_upper_half_of_the_layers_by_hand():
    """Eqs. 14-20, N = 4: weights 0, 0, 1/2, 1/2. Sums (x^3 + x^4) / 2: 1, 12, 0, 0 and 1, 1, 0, 1 -> (121 + 1) / 4."""
    assert SSLMSE(PowersModel()).compare(ESTIMATE, CLEAN).item() == (11**2 + 1) / 4


@pytest.mark.parametrize(
    ("layers", "weights"), [(1, [1]), (2, [0, 1]), (3, [0, 1 / 2, 1 / 2]), (5, [0, 0, 1 / 3, 1 / 3, 1 / 3])]
)
def test_weights_of_equations_19_and_20(layers, weights):
    """Floor(N / 2) layers have none."""
    assert SSLMSE(PowersModel(layers)).layer_weights == pytest.approx(weights)


@pytest.mark.parametrize(("name", "first", "count"), [("wavlm_base_plus", 6, 12), ("wavlm_large", 12, 24)])
def test_weights_of_the_published_models(name, first, count):
    """1/6 on layers 7 to 12 of Base, 1/12 on layers 13 to 24 of Large."""
    assert SSLMSE(Pretrained(name)).layer_weights == [0.0] * first + [1 / (count - first)] * (count - first)


def test_weights_of_ones_own_and_no_layer_in_vain():
    """x - x^2: 0, -2, 0, -2 and 0, 0, 0, 0."""
    loss = SSLMSE(PowersModel(), [1, -1, 0, 0])
    assert loss.compare(ESTIMATE, CLEAN).item() == (4 + 4) / 4
    assert {layers for layers, _ in loss.ssl.network.asked} == {2}


@pytest.mark.parametrize("weights", [[1.0, 1.0], [0.0] * 4])
def test_weights_that_do_not_fit(weights):
    with pytest.raises(InputError, match="layer_weights .*: must be 4 numbers"):
        SSLMSE(PowersModel(), weights)


def test_multitask():
    """Eq. 21; error (0, 1, 0, -2): SNR 10 log10(3 / 5)."""
    loss = Multitask(SSLMSE(PowersModel()), alpha=0.1)
    snr = SNR().compare(ESTIMATE, CLEAN).item()
    total, terms = loss({"speech": ESTIMATE}, {"spk1": CLEAN})
    assert total.item() == pytest.approx(30.5 + 0.1 * snr)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx({"ssl_loss": 30.5, "snr_loss": snr})


def test_gradients_go_through_the_model_and_not_into_it():
    """At sample 2 of ESTIMATE: 2 * 11 / 4 * d(x^3 + x^4)/2 at 2 = 5.5 * (12 + 32) / 2."""
    loss, estimate, clean = SSLMSE(PowersModel()), ESTIMATE.clone().requires_grad_(), CLEAN.clone().requires_grad_()
    loss.compare(estimate, clean).backward()
    assert estimate.grad[0, 1].item() == pytest.approx(5.5 * 22)
    assert clean.grad is None
    assert loss.ssl.network.weight.grad is None
    assert [grad for _, grad in loss.ssl.network.asked] == [False, True]  # the clean side keeps no graph


@pytest.mark.parametrize("wavlm", [True, False])
def test_of_a_transformer_too(wavlm):
    """Also where the signal comes from a network that is trained."""
    torch.manual_seed(0)
    network, loss = nn.Linear(2000, 2000), SSLMSE(Untrained(wavlm))
    loss.compare(network(torch.randn(2, 2000)), torch.randn(2, 2000)).backward()
    assert network.weight.grad.abs().max() > 0
    assert all(p.grad is None and not p.requires_grad for p in loss.ssl.network.parameters())
    assert sum(1 for _ in loss.ssl.network.parameters()) > 50


def test_the_model_is_not_of_the_experiment():
    """Neither in what is trained, nor in checkpoints, whether it was read before or after; it stays in eval mode."""
    task = nn.ModuleDict({"loss": Multitask(SSLMSE(Untrained()))})
    file = io.BytesIO()
    torch.save(task.state_dict(), file)
    task["loss"].setup(TrainingFacts(16000))
    task.train()
    assert not list(task.parameters())
    assert not task.state_dict()
    assert not any(module.training for module in task["loss"].losses["loss"].ssl.network.modules())
    file.seek(0)
    task.load_state_dict(torch.load(file, weights_only=True))


def test_the_model_goes_along_with_the_task():
    task = nn.ModuleDict({"loss": Multitask(SSLMSE(Untrained()))})
    task["loss"].setup(TrainingFacts(16000))
    network = task["loss"].losses["loss"].ssl.network
    assert {p.device.type for p in task.to("meta")["loss"].losses["loss"].ssl.network.parameters()} == {"meta"}
    assert network is task["loss"].losses["loss"].ssl.network


def test_the_model_is_the_same_in_every_run():
    """It is in no checkpoint, so a run that goes on must have it again."""
    x, estimate = torch.randn(1, 2000), torch.randn(1, 2000)
    torch.manual_seed(1)
    first, drawn = SSLMSE(Untrained()).compare(estimate, x), torch.rand(1)
    torch.manual_seed(2)
    assert torch.equal(first, SSLMSE(Untrained()).compare(estimate, x))
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(1))  # reading it has drawn nothing
