"""Sum of cross-entropies over slots, by hand."""

import math

import pytest
import torch

from toolkit.losses.base import TrainingFacts
from toolkit.losses.intent.slot_cross_entropy import SlotCrossEntropy


def test_worked_by_hand():
    """Values with probabilities 1/4 and 3/4, and 1/6, 2/6, 3/6."""
    loss = SlotCrossEntropy()
    loss.setup(TrainingFacts(classes={"slot_a": ("x", "y"), "slot_b": ("x", "y", "z")}))
    a, b = torch.tensor([1.0, 3.0]).log(), torch.tensor([1.0, 2.0, 3.0]).log()
    outputs = {"slot_b": b.expand(3, -1), "slot_a": a.expand(3, -1)}
    targets = torch.tensor([[1, 2], [1, 0], [0, 1]])  # both right, one right, none
    value, terms = loss(outputs, {"intent": targets})
    expected = [math.log(4 / 3) + math.log(2), math.log(4 / 3) + math.log(6), math.log(4) + math.log(3)]
    assert value.item() == pytest.approx(sum(expected) / 3)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx({"exact": 1 / 3, "slots": 1 / 2})
