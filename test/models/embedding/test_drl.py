"""DRL: its size, its codes, what the decoder gets, which conditions make a triplet."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from toolkit.io.errors import InputError
from toolkit.metrics.cost.complexity import count_parameters
from toolkit.models.embedding import DRL
from toolkit.models.embedding.drl import draw_conditions
from toolkit.systems import EmbeddingEnhancer
from toolkit.testing.promises import after_training

SIZES = {"dim": 5, "speaker_dim": 4, "environment_dim": 3}


def batch_of(speakers: int, variants: int = 2, dim: int = 5) -> dict[str, torch.Tensor]:
    """Every number of an embedding says whose it is and under which condition: 10 * utterance + condition."""
    rows = 10.0 * torch.arange(3 * speakers)[:, None] + torch.arange(1 + variants)
    rows = rows[..., None].expand(-1, -1, dim)
    return {"clean": rows[:, 0], "variants": rows[:, 1:]}


@pytest.mark.parametrize(("dim", "parameters"), [(512, 1_053_184), (256, 264_448)])
def test_size(dim, parameters):
    """2 D, 2 D (D + 1), 2 x 2 D, D (2 D + 1)."""
    assert count_parameters(DRL(dim)) == parameters == 4 * dim * dim + 9 * dim


def test_the_speaker_code_by_numpy():
    drl, rows = after_training(DRL(**SIZES)), np.random.default_rng(0).standard_normal((2, 5)).astype(np.float32)
    norm, linear = (dict(layer.state_dict()) for layer in drl.encoder)
    norm, linear = ({name: value.numpy() for name, value in layer.items()} for layer in (norm, linear))
    x = (rows - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-5) * norm["weight"] + norm["bias"]
    expected = x @ linear["weight"][:4].T + linear["bias"][:4]
    np.testing.assert_allclose(EmbeddingEnhancer(drl).enhance(rows), expected, rtol=1e-4, atol=1e-5)
    assert EmbeddingEnhancer(drl).enhance(rows[0]).shape == (4,)


@pytest.mark.parametrize(("swap_prob", "order"), [(0.0, [0, 1, 2, 3, 4, 5]), (1.0, [2, 0, 1, 5, 3, 4])])
def test_the_decoder_gets_codes_of_length_1(swap_prob, order):
    drl = after_training(DRL(**SIZES, swap_prob=swap_prob))
    outputs = drl.training_outputs(batch_of(2))
    codes = [normalize(outputs["embedding"])[order], normalize(outputs["environment"])]
    torch.testing.assert_close(outputs["reconstruction"], drl.decoder(torch.cat(codes, 1)))
    assert (outputs["embedding"].norm(dim=1) != 1).all()


def test_codes_are_exchanged_in_a_batch_of_two():
    torch.manual_seed(0)
    drl = DRL(**SIZES)
    codes = torch.arange(3.0)[:, None]
    exchanged = [drl._swapped(codes)[0].item() == 2 for _ in range(400)]
    assert 160 < sum(exchanged) < 240  # four deviations


def test_a_triplet_is_of_two_conditions():
    torch.manual_seed(0)
    original = DRL(**SIZES).training_outputs(batch_of(100))["original"]
    assert (original == original[:, :1]).all()
    utterances, conditions = original[:, 0].long() // 10, original[:, 0].long() % 10
    assert utterances.tolist() == list(range(300))
    anchor, positive, negative = conditions.unflatten(0, (-1, 3)).unbind(1)
    assert (anchor == positive).all()
    assert {*zip(anchor.tolist(), negative.tolist(), strict=True)} == {
        (a, n) for a in range(3) for n in range(3) if a != n
    }


def test_conditions_are_drawn_evenly():
    torch.manual_seed(0)
    counts = torch.bincount(draw_conditions(4000, 4, torch.device("cpu"))[:, 2], minlength=4)
    assert (counts - 1000).abs().max() < 4 * (4000 * 3 / 16) ** 0.5


@pytest.mark.parametrize("sizes", [{"dim": 0}, {"speaker_dim": 0}, {"environment_dim": -1}, {"swap_prob": 1.5}])
def test_a_value_out_of_range_is_refused(sizes):
    with pytest.raises(InputError, match=" ".join(map(str, *sizes.items()))):
        DRL(**sizes)


def test_two_utterances_are_no_triplet():
    batch = {name: value[:2] for name, value in batch_of(1).items()}
    with pytest.raises(InputError, match="DRLLoss"):
        DRL(**SIZES).training_outputs(batch)
