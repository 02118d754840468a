"""Squeezed gated dilated convolutions in numpy."""

import numpy as np
import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.nn.squeezed_tcn import SqueezedTemporalBlock, SqueezedTemporalNetwork


def whole(block, x, dilation):
    """Of one sequence (C, T), output frame by output frame."""
    w = {name: value.detach().numpy() for name, value in block.state_dict().items()}

    def layer(name, x, dilation=1):
        x = np.where(x > 0, x, w[f"{name}.0.weight"] * x)
        norms = [(x[:, t] - x[:, : t + 1].mean()) / np.sqrt(x[:, : t + 1].var() + 1e-5) for t in range(x.shape[1])]
        x = np.stack(norms, 1) * w[f"{name}.1.weight"][:, None] + w[f"{name}.1.bias"][:, None]
        weight, out = w[f"{name}.2.weight"], []
        for t in range(x.shape[1]):
            total = w[f"{name}.2.bias"].copy()
            for k in range(weight.shape[2]):
                at = t + (k - weight.shape[2] // 2) * dilation
                if 0 <= at < x.shape[1]:
                    total += weight[:, :, k] @ x[:, at]
            out.append(total)
        return np.stack(out, 1)

    squeezed = w["squeeze.weight"][..., 0] @ x + w["squeeze.bias"][:, None]
    gate = 1 / (1 + np.exp(-layer("gated.gate", squeezed, dilation)))
    return x + layer("expand", layer("gated.value", squeezed, dilation) * gate)


@pytest.mark.parametrize("dilation", [1, 3, 9])
def test_a_block_is_what_loops_over_frames_give(dilation):
    torch.manual_seed(0)
    block = SqueezedTemporalBlock(6, 4, 5, dilation).double()
    for parameter in block.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, 6, 11, dtype=torch.float64)
    expected = np.stack([whole(block, one, dilation) for one in x.numpy()])
    np.testing.assert_allclose(block(x).detach().numpy(), expected, rtol=1e-9, atol=1e-9)


def test_dilations_and_size():
    network = SqueezedTemporalNetwork(256)
    assert [block.gated.gate[2].dilation[0] for block in network] == [1, 2, 5, 9]
    into, gated, out = 256 * 64 + 64, 2 * (1 + 128 + 5 * 64 * 64 + 64), 1 + 128 + 64 * 256 + 256
    assert sum(p.numel() for p in network.parameters()) == 4 * (into + gated + out)


@pytest.mark.parametrize("options", [{"kernel": 4}, {"dilations": ()}, {"dilations": (1, 0)}, {"squeezed": 0}])
def test_sizes_that_do_not_go(options):
    with pytest.raises(InputError, match="squeezed TCN of 8 channels"):
        SqueezedTemporalNetwork(8, **options)
