"""SpeakerProjection: its output by numpy, the cosine of two outputs, what a training step reads."""

import numpy as np
import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.metrics.cost.complexity import count_parameters
from toolkit.models.embedding import SpeakerProjection
from toolkit.systems import EmbeddingEnhancer
from toolkit.testing.promises import after_training

RNG = np.random.default_rng(0)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def test_size():
    assert count_parameters(SpeakerProjection()) == 768 * 256 + 256 + 2 * 768


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_cosine_of_two_outputs_is_the_weighted_mean_of_both_cosines(weight):
    network = after_training(SpeakerProjection(dim=7, kept=4, size=3, weight=weight))
    rows = RNG.standard_normal((2, 7)).astype(np.float32)
    norm, _, linear = network.projection
    x = (rows - norm.running_mean.numpy()) / np.sqrt(norm.running_var.numpy()) * norm.weight.detach().numpy()
    projected = unit((x + norm.bias.detach().numpy()) @ linear.weight.detach().numpy().T + linear.bias.detach().numpy())
    kept = unit(rows[:, :4])
    enhanced = unit(EmbeddingEnhancer(network).enhance(rows))
    assert enhanced.shape == (2, 7)
    expected = (1 - weight) * (kept[0] @ kept[1]) + weight * (projected[0] @ projected[1])
    assert enhanced[0] @ enhanced[1] == pytest.approx(expected, abs=1e-5)


def test_a_step_reads_one_condition_of_each_utterance_evenly():
    torch.manual_seed(0)
    network = SpeakerProjection(dim=3, kept=1, size=3)
    network.forward = lambda rows: rows
    rows = 10.0 * torch.arange(900)[:, None] + torch.arange(3)
    rows = rows[..., None].expand(-1, -1, 3)
    drawn = network.training_outputs({"clean": rows[:, 0], "variants": rows[:, 1:]})["embedding"][:, 0].long()
    assert (drawn // 10).tolist() == list(range(900))
    counts = torch.bincount(drawn % 10, minlength=3)
    assert len(counts) == 3
    assert (counts - 300).abs().max() < 4 * (900 * 2 / 9) ** 0.5


@pytest.mark.parametrize("wrong", [{"kept": 0}, {"kept": 769}, {"size": 0}, {"weight": 1.1}, {"dropout": 1.0}])
def test_a_value_out_of_range_is_refused(wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(InputError, match=f"{name} {value}"):
        SpeakerProjection(**wrong)
