"""Attention against torch's, relative positions against the sum of the paper."""

import math

import pytest
import torch
from torch import nn

from toolkit.io.errors import InputError
from toolkit.nn.multihead import MultiHeadAttention, RelativeAttention, sinusoids


def test_as_in_torch():
    torch.manual_seed(0)
    ours, theirs = MultiHeadAttention(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    parts = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.data = torch.cat([part.weight for part in parts])
    theirs.in_proj_bias.data = torch.cat([part.bias for part in parts])
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, source, mask = torch.randn(2, 4, 12), torch.randn(2, 6, 12), torch.arange(6) < torch.tensor([[6], [2]])
    expected = theirs(x, source, source, key_padding_mask=~mask, need_weights=False)[0]
    torch.testing.assert_close(ours(x, source, mask[:, None, None]), expected)


def test_relative_weights_are_those_of_the_paper():
    """Dai et al. 2019, section 3.3, pair by pair."""
    torch.manual_seed(0)
    layer, x, size = RelativeAttention(8, 2), torch.randn(1, 5, 8), 4
    heads = []
    for h in range(2):
        part = slice(h * size, (h + 1) * size)
        query, key, value = (linear(x)[0, :, part] for linear in (layer.query, layer.key, layer.value))
        weights = torch.empty(5, 5)
        for i in range(5):
            for j in range(5):
                place = layer.position(sinusoids(torch.tensor([i - j]), 8))[0, part]
                by_content = (query[i] + layer.content_bias[h, 0]) @ key[j]
                by_place = (query[i] + layer.position_bias[h, 0]) @ place
                weights[i, j] = (by_content + by_place) / math.sqrt(size)
        heads.append(weights.softmax(1) @ value)
    torch.testing.assert_close(layer(x)[0], layer.out(torch.cat(heads, 1)))


def test_sinusoids_of_the_paper():
    """Vaswani et al. 2017, section 3.5: sin(p / 10000^(2i / D)), cos of the same."""
    encoded = sinusoids(torch.tensor([0, 3]), 4)
    expected = [[0, 1, 0, 1], [math.sin(3), math.cos(3), math.sin(0.03), math.cos(0.03)]]
    torch.testing.assert_close(encoded, torch.tensor(expected))


def test_heads_must_divide():
    with pytest.raises(InputError):
        MultiHeadAttention(8, 3)
