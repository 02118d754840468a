"""Masked prediction by hand."""

import math

import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.losses.base import TrainingFacts
from toolkit.losses.representation.masked_prediction import MaskedPrediction
from toolkit.models.ssl.speech_units import SpeechUnits


class Samples(torch.nn.Module):
    """A frame is a sample."""

    fs, dim = 16000, 1

    def forward(self, wav, lengths=None):
        return wav[:, :, None], lengths


def with_units(loss):
    loss.take_units(SpeechUnits(Samples(), torch.tensor([[0.0], [1.0], [2.0]])))
    return loss


CLEAN = torch.tensor([[0.1, 1.2, 1.9, 2.4], [0.9, 0.2, 7.0, 7.0]])  # units 0 1 2 2, and 1 0 with padding
LOGITS = torch.log(
    torch.tensor(
        [
            [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8]],
            [[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.3, 0.3, 0.4], [0.3, 0.3, 0.4]],
        ]
    )
)
MASK = torch.tensor([[True, False, True, False], [True, False, False, False]])
VALID = torch.tensor([[True] * 4, [True, True, False, False]])
OUTPUTS = {"logits": LOGITS, "mask": MASK, "valid": VALID}
MASKED = -(math.log(0.5) + math.log(0.25) + math.log(0.2)) / 3
OTHER = -(math.log(0.5) + math.log(0.8) + math.log(0.2)) / 3


@pytest.mark.parametrize("weight", [1.0, 0.5, 0.25])
def test_by_hand(weight):
    loss = with_units(MaskedPrediction(weight))
    value, terms = loss(OUTPUTS, {"wav": torch.zeros(2, 4), "spk1": CLEAN, "lengths": torch.tensor([4, 2])})
    assert value.item() == pytest.approx(weight * MASKED + (1 - weight) * OTHER, rel=1e-5)
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        {"accuracy": 1 / 3, "unmasked_accuracy": 2 / 3}
    )


def test_targets_are_of_the_reference_and_not_of_the_input():
    batch = {"wav": CLEAN.roll(1, 1), "spk1": CLEAN, "lengths": None}
    assert with_units(MaskedPrediction()).targets(batch)[0].tolist() == [0, 1, 2, 2]
    assert with_units(MaskedPrediction(reference="wav")).targets(batch)[0].tolist() == [2, 0, 1, 2]
    assert MaskedPrediction().streams == ("spk1",)
    assert MaskedPrediction(reference="wav").streams == ()


def test_the_units_are_of_no_checkpoint_and_stay_in_eval_mode():
    loss = with_units(MaskedPrediction()).train()
    assert not loss.state_dict()
    assert not list(loss.parameters())
    assert not loss.units.network.training


def test_faults_are_named():
    with pytest.raises(InputError, match="masked_weight"):
        MaskedPrediction(0.0)
    with pytest.raises(InputError, match="noise1"):
        MaskedPrediction(reference="noise1")
    with pytest.raises(InputError, match="--units"):
        MaskedPrediction().targets({"spk1": CLEAN})
    with pytest.raises(InputError, match="8000"):
        with_units(MaskedPrediction()).setup(TrainingFacts(8000))
    with pytest.raises(InputError, match="5 units for 4 frames"):
        with_units(MaskedPrediction())(OUTPUTS, {"spk1": torch.zeros(2, 5), "lengths": None})
