"""Attention blocks against their formulas."""

import math

import pytest
import torch
from helpers import plain_tse
from helpers.plain import after_training
from helpers.plain_tse import set_context

from toolkit.io.errors import InputError
from toolkit.nn.attention import (
    CellBatchNorm2d,
    ConvolutionalBlockAttention,
    LocalGlobalAttention,
    LocalGlobalGate,
    attention,
)
from toolkit.nn.resnet import SqueezeExcitation2d


def test_gate_by_hand():
    """x = 1, 3: LA = 2 relu(x) = 2, 6; GA = 3 relu(-mean) = 0, and 3 * 2 = 6 with the sign of x changed."""
    gate = LocalGlobalGate(1, 1).eval()
    set_context(gate.local_context, 1.0, 2.0)
    set_context(gate.global_context, -1.0, 3.0)
    x = torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)
    for sign, logits in ((1, (2, 6)), (-1, (6, 6))):
        expected = [1 / (1 + math.exp(-logit)) for logit in logits]
        assert gate(sign * x).flatten().tolist() == pytest.approx(expected, abs=1e-4)


def test_lca_equals_its_formula():
    block, x = after_training(LocalGlobalAttention(8)).double(), torch.randn(2, 8, 5, 7, dtype=torch.float64)
    assert block.gate.local_context[0].weight.shape == (2, 8, 1, 1)  # K = 4
    torch.testing.assert_close(block(x), x * plain_tse.gate(block.state_dict(), "gate", x))


def test_cbam_equals_its_formula():
    block, x = ConvolutionalBlockAttention(32).double(), torch.randn(2, 32, 9, 8, dtype=torch.float64)
    w = {f"it.{name}": value for name, value in block.state_dict().items()}
    assert w["it.mlp.0.weight"].shape == (2, 32)
    assert w["it.conv.weight"].shape == (1, 2, 7, 7)
    torch.testing.assert_close(block(x), plain_tse.cbam(w, "it", x))


def test_names():
    assert isinstance(attention("none", 4), torch.nn.Identity)
    assert isinstance(attention("lca", 4), LocalGlobalAttention)
    assert isinstance(attention("cbam", 4), ConvolutionalBlockAttention)
    squeeze = attention("se", 16)
    assert isinstance(squeeze, SqueezeExcitation2d)
    assert squeeze.squeeze.weight.shape == (4, 16)
    with pytest.raises(InputError, match="attention 'eca': must be one of none, lca, se, cbam"):
        attention("eca", 4)


@pytest.mark.parametrize("kind", ["none", "lca", "se", "cbam"])
def test_few_channels_are_enough(kind):
    assert attention(kind, 1)(torch.randn(2, 1, 3, 4)).shape == (2, 1, 3, 4)


def test_one_cell_is_normalised_by_the_running_statistics_and_leaves_them():
    norm = CellBatchNorm2d(3)
    norm.running_mean.fill_(1.0)
    norm.running_var.fill_(4.0)
    cell = torch.tensor([1.0, 3.0, -1.0]).view(1, 3, 1, 1)
    assert norm(cell).flatten().tolist() == pytest.approx([0.0, 1.0, -1.0], abs=1e-5)
    assert norm.running_mean.tolist() == [1.0] * 3
    two = torch.cat((cell, cell + 2))
    torch.testing.assert_close(norm(two), torch.nn.BatchNorm2d(3)(two))
    assert norm.running_mean.tolist() != [1.0] * 3


def test_a_training_batch_of_one_goes():
    block = LocalGlobalAttention(4)
    block(torch.randn(1, 4, 5, 6)).sum().backward()
    assert all(p.grad.isfinite().all() for p in block.parameters() if p.requires_grad)


def test_what_a_gate_learnt_behind_an_instance_norm_serves_in_evaluation():
    """All means over maps are zero there: what the running statistics hold of the rounding errors must not decide."""
    torch.manual_seed(0)
    gate, norm = LocalGlobalGate(8, 2), torch.nn.InstanceNorm2d(8)
    optimizer = torch.optim.Adam(gate.parameters(), lr=2e-3)
    maps = norm(torch.randn(4, 8, 20, 10))
    expected = torch.sigmoid(2 * maps.roll(1, dims=1))
    for _ in range(300):
        loss = (gate(maps) - expected).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    trained = gate(maps)
    assert torch.allclose(gate.eval()(maps), trained, atol=0.02)


def test_only_biases_that_a_norm_takes_away_are_not_trained():
    block = LocalGlobalAttention(8).double()
    x = torch.randn(3, 8, 5, 6, dtype=torch.double)
    before = block(x)
    still = [p for p in block.parameters() if not p.requires_grad]
    assert [tuple(p.shape) for p in still] == [(2,), (8,), (2,), (8,)]
    with torch.no_grad():
        for bias in still:
            bias += torch.randn_like(bias)
    torch.testing.assert_close(block(x), before)
