"""x-vector: published sizes, the layers of the loss and of scoring."""

import pytest
import torch

from toolkit.metrics.cost.complexity import count_parameters
from toolkit.models.sv.xvector import XVector


def test_size_is_that_of_the_benchmark():
    """Projection; 512 x (5, 3, 3, 1), 1500; two linear layers of 512, on 2 x 1500."""
    with torch.device("meta"):
        model = XVector()
    frames = sum(512 * (512 * context + 1) for context in (5, 3, 3, 1)) + 1500 * (512 + 1)
    assert count_parameters(model) == 512 * (768 + 1) + frames + 512 * (3000 + 1) + 512 * (512 + 1)


def test_size_is_that_of_the_paper():
    """Table 1 of Snyder et al. 2018 on 24 features: its layers, with normalisation and without their classifier."""
    with torch.device("meta"):
        model = XVector(24, projection=None, norm=True)
    weights = 120 * 512 + 1536 * 512 * 2 + 512 * 512 + 512 * 1500 + 3000 * 512 + 512 * 512
    biases, norms = 4 * 512 + 1500 + 2 * 512, 2 * (4 * 512 + 1500)
    assert count_parameters(model) == weights + biases + norms


def test_each_frame_sees_fifteen():
    """Two on either side, then two and three further: 7 in all (table 1)."""
    model = XVector(4, None, 8, 6, 5).eval()
    seen = torch.zeros(1, 40, 4).requires_grad_()
    x = seen.transpose(1, 2)
    for block in model.blocks:
        x = block(x)
    x[0, :, 20].sum().backward()
    frames = seen.grad[0].abs().sum(1).nonzero().flatten()
    assert (frames.min().item(), frames.max().item()) == (13, 27)


def test_the_loss_reads_a_layer_behind_the_embedding():
    torch.manual_seed(0)
    model, feats = XVector(6, 5, 8, 6, 7).eval(), torch.randn(2, 30, 6)
    outputs = model.outputs(feats)
    torch.testing.assert_close(outputs["embedding"], model(feats))
    torch.testing.assert_close(outputs["embedding_b"], model.embed_b[0](model(feats)).relu())
    assert model.output_dims == {name: vector.shape[1] for name, vector in outputs.items()}


@pytest.mark.parametrize("frames", [1, 5])
def test_short_utterances_have_embeddings(frames):
    assert XVector(6, 5, 8, 6, 7)(torch.randn(1, frames, 6)).isfinite().all()
