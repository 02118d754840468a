"""The grouped LSTM written down with torch's LSTM: what each group reads, and its size."""

import pytest
import torch
from torch.nn.functional import layer_norm

from toolkit.io.errors import InputError
from toolkit.nn.grouped_lstm import GroupedLSTM


def test_groups_read_their_part_and_the_next_layer_reads_of_all():
    torch.manual_seed(0)
    model, x = GroupedLSTM(12, groups=2, layers=2).double(), torch.randn(2, 7, 12, dtype=torch.float64)
    for norm in model.norms:
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    (first, second), (third, fourth) = model.layers
    a, b = first(x[..., :6])[0], second(x[..., 6:])[0]
    hidden = torch.empty_like(x)
    hidden[..., 0::2], hidden[..., 1::2] = a, b
    hidden = layer_norm(hidden, (12,), model.norms[0].weight, model.norms[0].bias)
    out = torch.cat((third(hidden[..., :6])[0], fourth(hidden[..., 6:])[0]), 2)
    torch.testing.assert_close(model(x), layer_norm(out, (12,), model.norms[1].weight, model.norms[1].bias))


def test_one_group_of_one_layer_is_an_lstm():
    model, x = GroupedLSTM(8, groups=1, layers=1), torch.randn(2, 5, 8)
    torch.testing.assert_close(model(x), layer_norm(model.layers[0][0](x)[0], (8,)))


def test_its_size():
    """Each direction of a group: 512 to 256 numbers, four gates, two biases."""
    with torch.device("meta"):
        model = GroupedLSTM(1024)
    direction = 4 * 256 * (512 + 256 + 2)
    assert sum(p.numel() for p in model.parameters()) == 2 * (2 * 2 * direction + 2 * 1024) == 6_311_936


@pytest.mark.parametrize("options", [{"channels": 6}, {"channels": 8, "layers": 0}, {"channels": 8, "groups": 0}])
def test_sizes_that_do_not_go(options):
    with pytest.raises(InputError, match="grouped LSTM of"):
        GroupedLSTM(**options)
