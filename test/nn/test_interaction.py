"""Contextual interaction and iterative feature integration against SEF-PNet's equations 4 to 7."""

import math

import pytest
import torch
from helpers.plain import after_training
from helpers.plain_tse import integrated, set_context

from toolkit.nn.interaction import IterativeFeatureIntegration, contextual_interaction


def test_interaction_by_hand():
    """Two bins, one frame of the mixture (1, 0); enrolment (ln 2, 5), (0, 1): weights 2/3 and 1/3 (eq. 4).

    In the imaginary plane the mixture is 0, so both frames weigh 1/2.
    """
    mixture = torch.tensor([[[[1.0], [0.0]], [[0.0], [0.0]]]])
    enrolment = torch.tensor([[[[math.log(2), 0.0], [5.0, 1.0]], [[4.0, 0.0], [0.0, 8.0]]]])
    actual = contextual_interaction(mixture, enrolment)
    assert actual[0, 0, :, 0].tolist() == pytest.approx([2 / 3 * math.log(2), 2 / 3 * 5 + 1 / 3])
    assert actual[0, 1, :, 0].tolist() == pytest.approx([2.0, 4.0])


def interaction_in_loops(mixture, enrolment, lengths):
    """Equation 4, frame by frame."""
    out = torch.zeros_like(mixture)
    for b, n in enumerate(lengths):
        for plane in range(2):
            for t in range(mixture.shape[3]):
                products = [float(mixture[b, plane, :, t] @ enrolment[b, plane, :, s]) for s in range(n)]
                total = sum(math.exp(p - max(products)) for p in products)
                for s, p in enumerate(products):
                    out[b, plane, :, t] += math.exp(p - max(products)) / total * enrolment[b, plane, :, s]
    return out


def test_interaction_equals_a_loop_and_padding_has_no_weight():
    mixture, enrolment = torch.randn(3, 2, 5, 4), torch.randn(3, 2, 5, 7)
    torch.testing.assert_close(
        contextual_interaction(mixture, enrolment), interaction_in_loops(mixture, enrolment, [7] * 3)
    )
    lengths = torch.tensor([7, 3, 1])
    expected = interaction_in_loops(mixture, enrolment, lengths)
    mask = torch.arange(7) < lengths[:, None]
    enrolment[(~mask)[:, None, None].expand_as(enrolment)] = 100.0
    torch.testing.assert_close(contextual_interaction(mixture, enrolment, mask), expected)


def logistic(x):
    return 1 / (1 + math.exp(-x))


def test_integration_by_hand():
    """One cell, E_CI = 3, E' = 1, LA(x) = a relu(x), GA(x) = b relu(x); a + b is 0.5 in round one, -0.25 in round two.

    P = sigma(0.5 * 4) (eq. 5), E1 = 3 P + (1 - P) (eq. 6), Q = sigma(-0.25 E1), out = 3 Q + (1 - Q) (eq. 7).
    """
    block = IterativeFeatureIntegration(1, 1).eval()
    for one, (a, b) in ((block.first, (0.75, -0.25)), (block.second, (-0.5, 0.25))):
        set_context(one.local_context, 1.0, a)
        set_context(one.global_context, 1.0, b)
    p = logistic(0.5 * 4)
    once = 3 * p + (1 - p)
    q = logistic(-0.25 * once)
    actual = block(torch.full((1, 1, 1, 1), 3.0), torch.ones(1, 1, 1, 1))
    assert actual.item() == pytest.approx(3 * q + (1 - q), abs=1e-4)


def test_integration_equals_its_equations():
    block = after_training(IterativeFeatureIntegration()).double()
    interaction, mean = torch.randn(2, 2, 5, 7, dtype=torch.float64), torch.randn(2, 2, 5, 1, dtype=torch.float64)
    w = {f"it.{name}": value for name, value in block.state_dict().items()}
    torch.testing.assert_close(block(interaction, mean), integrated(w, "it", interaction, mean.expand(2, 2, 5, 7)))


def test_integration_has_the_published_size_and_uses_all_of_it():
    """Four attentions of 1x1 2 -> 64, BN, 1x1 64 -> 2, BN, with biases (K = 1/32)."""
    block = IterativeFeatureIntegration()
    assert sum(p.numel() for p in block.parameters()) == 4 * (128 + 64 + 128 + 128 + 2 + 4)
    block(torch.randn(3, 2, 5, 7), torch.randn(3, 2, 5, 1)).square().sum().backward()
    assert all(p.grad is not None for p in block.parameters() if p.requires_grad)
