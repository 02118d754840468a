"""Gated linear units, of convolutions as in GCRN and with normalisation as in Speakerfilter, in numpy."""

import numpy as np
import torch
from torch import nn

from toolkit.nn.frequency_unet import doubling, halving
from toolkit.nn.gated import Gated


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def convolved(layer, x):
    """Of one map (C, F, T): three bins by one frame, every second bin."""
    weight, bias = (p.detach().numpy() for p in (layer.weight, layer.bias))
    bins = range(0, x.shape[1] - 2, 2)
    return (
        np.stack([np.tensordot(weight[..., 0], x[:, f : f + 3], ((1, 2), (0, 1))) for f in bins], 1)
        + bias[:, None, None]
    )


def spread(layer, x, bins):
    """Of one map (C, F, T): each bin adds to three of the output, two apart."""
    weight, bias = (p.detach().numpy() for p in (layer.weight, layer.bias))
    out = np.zeros((weight.shape[1], bins, x.shape[2])) + bias[:, None, None]
    for f in range(x.shape[1]):
        for k in range(3):
            out[:, 2 * f + k] += weight[:, :, k, 0].T @ x[:, f]
    return out


def test_a_gated_convolution_is_its_formula():
    torch.manual_seed(0)
    unit = Gated(halving(2, 3, 1), halving(2, 3, 1)).double()
    x = torch.randn(2, 9, 4, dtype=torch.float64)
    expected = convolved(unit.value, x.numpy()) * sigmoid(convolved(unit.gate, x.numpy()))
    assert expected.shape == (3, 4, 4)
    np.testing.assert_allclose(unit(x[None])[0].detach().numpy(), expected)


def test_a_gated_transposed_convolution_is_its_formula():
    torch.manual_seed(0)
    for bins in (9, 10):  # of an even number the last gets the bias alone
        unit = Gated(doubling(2, 3, bins, 1), doubling(2, 3, bins, 1)).double()
        x = torch.randn(2, 4, 5, dtype=torch.float64)
        expected = spread(unit.value, x.numpy(), bins) * sigmoid(spread(unit.gate, x.numpy(), bins))
        np.testing.assert_allclose(unit(x[None])[0].detach().numpy(), expected)


def test_the_gate_reads_the_same_input():
    unit, x = Gated(nn.Identity(), nn.Identity()), torch.tensor([0.0, 2.0])
    torch.testing.assert_close(unit(x), torch.tensor([0.0, 2 / (1 + np.exp(-2))], dtype=torch.float32))
