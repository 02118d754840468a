"""SEED's loss by hand: two utterances, one variant each."""

import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.losses.embedding import EmbeddingReconstruction

OUTPUTS = {
    "target": torch.tensor([[1.0, 0.0], [0.0, 2.0]]),
    "embedding": torch.tensor([[[1.0, 1.0], [4.0, 4.0]], [[0.0, 2.0], [3.0, -2.0]]]),
}


def test_mean_of_absolute_differences():
    loss, terms = EmbeddingReconstruction("l1")(OUTPUTS, {})
    assert float(loss) == pytest.approx((1 + 7 + 0 + 7) / 8)
    assert float(terms["clean"]) == pytest.approx(1 / 4)
    assert float(terms["noisy"]) == pytest.approx(14 / 4)


def test_equation_9():
    loss, _ = EmbeddingReconstruction("norm")(OUTPUTS, {})
    assert float(loss) == pytest.approx(((1 + 5) + (0 + 5)) / 2)


def test_gradient_is_finite_where_the_prediction_is_right():
    embedding = OUTPUTS["target"][:, None].clone().requires_grad_()
    loss, _ = EmbeddingReconstruction("norm")({**OUTPUTS, "embedding": embedding}, {})
    loss.backward()
    assert embedding.grad.isfinite().all()


def test_another_distance_is_refused():
    with pytest.raises(InputError, match="l2"):
        EmbeddingReconstruction("l2")
