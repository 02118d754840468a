"""Cumulative layer normalisation against numpy, frame by frame."""

import numpy as np
import pytest
import torch

from toolkit.nn.cumulative_norm import CumulativeLayerNorm


def normalised(norm, x):
    """(C, ..., T), by all values up to each frame."""
    w, b = (p.detach().numpy().reshape(-1, *[1] * (x.ndim - 2)) for p in (norm.weight, norm.bias))
    frames = []
    for t in range(x.shape[-1]):
        former = x[..., : t + 1]
        frames.append((x[..., t] - former.mean()) / np.sqrt(former.var() + norm.eps) * w + b)
    return np.stack(frames, -1)


@pytest.mark.parametrize("shape", [(3, 7), (3, 5, 7)])
def test_it_is_what_a_loop_over_frames_gives(shape):
    norm, x = CumulativeLayerNorm(3).double(), 3 + torch.randn(2, *shape, dtype=torch.float64)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    expected = np.stack([normalised(norm, one) for one in x.numpy()])
    np.testing.assert_allclose(norm(x).detach().numpy(), expected)


def test_silence_and_low_precision():
    x = torch.zeros(1, 4, 6, requires_grad=True)
    CumulativeLayerNorm(4)(x).square().sum().backward()
    assert x.grad.isfinite().all()
    loud = 300 * torch.randn(1, 4, 6)  # squares are beyond float16
    out = CumulativeLayerNorm(4)(loud.half())
    assert out.dtype == torch.float16
    torch.testing.assert_close(out.float(), CumulativeLayerNorm(4)(loud), atol=0.01, rtol=0.01)
