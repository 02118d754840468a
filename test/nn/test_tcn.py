"""Temporal convolutional network against its formula, and global layer normalisation against torch's."""

import pytest
import torch
from helpers.plain_tse import standardised

from toolkit.nn.mask import length_mask
from toolkit.nn.tcn import GlobalLayerNorm, TemporalBlock, TemporalNetwork


def activated(x):
    """Instance normalisation, then ELU."""
    x = standardised(x)
    return torch.where(x > 0, x, torch.expm1(x))


@pytest.mark.parametrize("dilation", [1, 4, 16])
def test_block_equals_its_formula(dilation):
    block, x = TemporalBlock(3, dilation).double(), torch.randn(2, 3, 11, dtype=torch.float64)
    w, hidden = block.state_dict(), activated(x)
    padded = torch.nn.functional.pad(hidden, (dilation, dilation))
    taps = [padded[:, :, k * dilation : k * dilation + 11] * w["layers.2.weight"][:, :, k] for k in range(3)]
    hidden = activated(sum(taps) + w["layers.2.bias"][:, None])
    expected = x + torch.einsum("oi,bit->bot", w["layers.5.weight"][..., 0], hidden) + w["layers.5.bias"][:, None]
    torch.testing.assert_close(block(x), expected)


def test_dilations_double_in_every_layer():
    network = TemporalNetwork(4, layers=2, blocks=10)
    assert [block.layers[2].dilation[0] for block in network] == 2 * [2**i for i in range(10)]


def test_global_normalisation_is_that_of_one_group():
    norm, x = GlobalLayerNorm(6), 3 + torch.randn(4, 6, 9)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.normal_()
    expected = torch.nn.functional.group_norm(x, 1, norm.weight[:, 0], norm.bias[:, 0], 1e-8)
    torch.testing.assert_close(norm(x), expected)
    lengths = torch.tensor([9, 5, 2, 1])
    alone = [norm(row[None, :, :n])[0] for row, n in zip(x, lengths, strict=True)]
    for row, n in zip(x, lengths, strict=True):
        row[:, n:] = 1e3
    for row, n, single in zip(norm(x, length_mask(lengths, 9)), lengths, alone, strict=True):
        torch.testing.assert_close(row[:, :n], single)
