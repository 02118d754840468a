"""SEED against its paper: sizes, layers written down once more, normalisation, ensembles."""

import math

import pytest
import torch
from torch.nn import functional

from toolkit.io.errors import InputError
from toolkit.metrics.cost.complexity import count_parameters
from toolkit.models.embedding import SEED


@pytest.mark.parametrize(("dim", "parameters"), [(512, 9_725_440), (256, 2_437_888), (192, 1_373_760)])
def test_published_sizes(dim, parameters):
    with torch.device("meta"):
        assert count_parameters(SEED(dim)) == parameters


def test_before_training_it_predicts_zero():
    network = SEED(8)
    assert not network.network(torch.randn(3, 8), torch.tensor([1, 2, 3])).any()
    assert torch.equal(SEED(8, ensemble="raw")(torch.ones(2, 8)), torch.ones(2, 8))


@pytest.fixture
def trained():
    torch.manual_seed(1)
    network = SEED(6, blocks=2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


def by_hand(w, x, t, hidden):
    """The layers of figure 1-c, with weights ``w``: no normalisation before the timestep's projection."""
    angles = t[:, None] * torch.exp(-math.log(1e4) * torch.arange(hidden // 2) / (hidden // 2))
    time = torch.cat([angles.cos(), angles.sin()], 1)
    time = functional.linear(time, w["time.0.weight"], w["time.0.bias"])
    time = functional.linear(functional.silu(time), w["time.2.weight"], w["time.2.bias"])
    x = functional.linear(x, w["first.weight"], w["first.bias"])

    def layer(name, index, value, eps=1e-5):
        norm = functional.layer_norm(value, value.shape[-1:], w[f"{name}.0.weight"], w[f"{name}.0.bias"], eps)
        return functional.linear(functional.silu(norm), w[f"{name}.{index}.weight"], w[f"{name}.{index}.bias"])

    for block in range(2):
        at = f"blocks.{block}"
        h = layer(f"{at}.inner", 2, x)
        h = h + functional.linear(functional.silu(time), w[f"{at}.condition.1.weight"], w[f"{at}.condition.1.bias"])
        x = x + layer(f"{at}.outer", 3, h)
    return layer("last", 2, x, 1e-6)


def test_layers(trained):
    x, t = torch.randn(5, 6), torch.tensor([0, 1, 50, 400, 999])
    expected = by_hand(trained.network.state_dict(), x, t, 12)
    assert trained.network(x, t).detach().numpy() == pytest.approx(expected.numpy(), abs=1e-5)


def test_one_step_in_use(trained):
    """Length sqrt(D), noise at t = 50, one prediction, clipped to 3 sqrt(D)."""
    e, noise = 7 * torch.randn(4, 6), torch.randn(4, 6)
    x_t = 0.9954114 * e / e.norm(dim=1, keepdim=True) * math.sqrt(6) + 0.0956878 * noise
    expected = trained.network(x_t, torch.full((4,), 50)).clamp(-3 * math.sqrt(6), 3 * math.sqrt(6))
    assert trained(e, noise).detach().numpy() == pytest.approx(expected.detach().numpy(), abs=1e-4)


def test_ensembles(trained):
    e, noise = 7 * torch.randn(4, 6), torch.randn(4, 6)
    alone = trained(e, noise)
    trained.ensemble = "raw"
    assert torch.equal(trained(e, noise), e + alone)
    trained.ensemble = "normalised"
    both = e / e.norm(dim=1, keepdim=True) + alone / alone.norm(dim=1, keepdim=True)
    assert trained(e, noise).detach().numpy() == pytest.approx(both.detach().numpy(), abs=1e-5)


def batch(length=1.0):
    torch.manual_seed(3)
    return {"clean": length * torch.randn(5, 6), "variants": length * torch.randn(5, 3, 6)}


def diffused(monkeypatch, network, batch):
    """What the network is given in a training step: (rows, variants, D), and timesteps."""
    seen = []
    monkeypatch.setattr(network.network, "forward", lambda x, t: seen.append((x, t)) or x)
    outputs = network.training_outputs(batch)
    (x, t), rows = seen[0], (5, 4)
    return x.unflatten(0, rows), t.unflatten(0, rows), outputs


@pytest.mark.parametrize("norm", ["none", "unit", "sqrt_dim"])
def test_training_lengths(norm, monkeypatch):
    network, given = SEED(6, train_norm=norm, betas=(1e-12, 1e-12)), batch(5.0)  # no noise: x_t is x
    x, _, outputs = diffused(monkeypatch, network, given)
    rows = torch.cat([given["clean"][:, None], given["variants"]], 1)
    length = {"none": rows.norm(dim=-1, keepdim=True), "unit": 1, "sqrt_dim": math.sqrt(6)}[norm]
    expected = rows / rows.norm(dim=-1, keepdim=True) * length
    assert x.numpy() == pytest.approx(expected.numpy(), abs=1e-3)
    assert torch.equal(outputs["target"], outputs["target"])
    assert outputs["target"].numpy() == pytest.approx(expected[:, 0].numpy(), abs=1e-5)


def test_shared_timestep(monkeypatch):
    _, own, _ = diffused(monkeypatch, SEED(6), batch())
    _, shared, _ = diffused(monkeypatch, SEED(6, shared_timestep=True), batch())
    assert len(own.unique()) > 5
    assert (shared == shared[:, :1]).all()
    assert len(shared.unique()) > 1


def test_without_self_conditioning_variants_are_not_seen(monkeypatch):
    x, _, _ = diffused(monkeypatch, SEED(6, self_conditioning=False, betas=(1e-12, 1e-12)), batch())
    assert x.numpy() == pytest.approx(batch()["clean"][:, None].expand(5, 4, 6).numpy(), abs=1e-3)


@pytest.mark.parametrize(
    "bad",
    [{"dim": 0}, {"hidden_dim": 3}, {"blocks": 0}, {"train_norm": "l2"}, {"timestep": 1000}, {"steps": 0},
     {"ensemble": "sum"}, {"dropout": 1.0}, {"sample_norm": ""}],
)  # fmt: skip
def test_bad_arguments(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        SEED(**bad)
