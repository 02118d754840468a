"""The hybrid loss against enumerated paths and hand-made cross-entropies."""

import math

import pytest
import torch
from helpers.label_sequences import ctc_texts

from toolkit.io.errors import InputError
from toolkit.losses.recognition.ctc_attention import CTCAttention, frames_needed

TEXT, LENGTHS = torch.tensor([[3, 3, 1], [1, 0, 0]]), torch.tensor([3, 1])


@pytest.fixture
def outputs():
    torch.manual_seed(0)
    ctc = torch.randn(2, 6, 4).log_softmax(2)
    return {"ctc": ctc, "frames": torch.tensor([6, 4]), "attention": torch.randn(2, 4, 4)}


def by_hand(outputs, weight: float, smoothing: float) -> float:
    """Mean over the batch of lambda CTC + (1 - lambda) smoothed cross-entropy."""
    total = 0.0
    for row, text in enumerate([(3, 3, 1), (1,)]):
        ctc = -math.log(ctc_texts(outputs["ctc"][row, : outputs["frames"][row]])[text])
        attention = 0.0
        for place, unit in enumerate((*text, 2)):
            log_probs = outputs["attention"][row, place].log_softmax(0)
            attention -= float((1 - smoothing) * log_probs[unit] + smoothing * log_probs.mean())
        total += weight * ctc + (1 - weight) * attention
    return total / 2


@pytest.mark.parametrize(("weight", "smoothing"), [(0.3, 0.1), (0.0, 0.0), (1.0, 0.2)])
def test_as_by_hand(outputs, weight, smoothing):
    loss, terms = CTCAttention(weight, smoothing)(outputs, {"text": TEXT, "text_lengths": LENGTHS})
    assert float(loss) == pytest.approx(by_hand(outputs, weight, smoothing), rel=1e-5)
    assert ("ctc" in terms, "attention" in terms) == (weight > 0, weight < 1)


def test_a_text_of_too_many_units_counts_and_is_counted(outputs):
    outputs["frames"] = torch.tensor([3, 4])  # 3 3 1 needs a blank between
    batch = {"text": TEXT, "text_lengths": LENGTHS}
    loss, terms = CTCAttention()(outputs, batch)
    assert loss.isfinite()
    assert float(terms["unalignable"]) == 0.5
    assert frames_needed(TEXT, LENGTHS).tolist() == [4, 1]


def test_accuracy_of_the_decoder(outputs):
    outputs["attention"] = torch.nn.functional.one_hot(torch.tensor([[3, 3, 0, 2], [1, 2, 0, 0]]), 4).float()
    _, terms = CTCAttention()(outputs, {"text": TEXT, "text_lengths": LENGTHS})
    assert float(terms["accuracy"]) == pytest.approx(5 / 6)


def test_arguments_out_of_range():
    for bad in ({"ctc_weight": 1.1}, {"label_smoothing": 1.0}):
        with pytest.raises(InputError):
            CTCAttention(**bad)
