"""Downstream network of SUPERB's recognition: sizes by hand, and utterances that do not depend on their batch."""

import pytest
import torch

from toolkit.metrics.cost.complexity import count_parameters
from toolkit.models.asr.blstm_ctc import BlstmCtc


def lstm(inputs: int, hidden: int) -> int:
    """Four gates of two directions, each with the weights of input and state and two biases."""
    return 2 * 4 * hidden * (inputs + hidden + 2)


@pytest.mark.parametrize(("features", "units"), [(768, 28), (1024, 32)])
def test_size_is_that_of_the_benchmark(features, units):
    with torch.device("meta"):
        model = BlstmCtc(units, features)
    expected = (features + 1) * 1024 + lstm(1024, 1024) + lstm(2048, 1024) + (2048 + 1) * units
    assert count_parameters(model) == expected
    assert model.decoder is None
    assert (model.dropout.p, model.lstm.dropout) == (0.2, 0.2)


@pytest.mark.parametrize("layers", [1, 2])
def test_a_padded_utterance_is_encoded_as_it_is_alone(layers):
    torch.manual_seed(0)
    model = BlstmCtc(8, 5, 6, 7, layers).eval()
    feats, lengths = torch.randn(3, 20, 5), torch.tensor([12, 20, 1])
    encoded, frames = model.encode(feats, lengths)
    assert encoded.shape == (3, model.num_frames(20), model.dim)
    assert frames.tolist() == lengths.tolist()
    for row, x, n in zip(encoded, feats, lengths, strict=True):
        torch.testing.assert_close(row[:n], model.encode(x[None, :n])[0][0])
        assert not row[n:].any()


def test_it_looks_both_ways():
    model, feats = BlstmCtc(8, 5, 6, 7).eval(), torch.randn(1, 20, 5).requires_grad_()
    model(feats)[0, 10].sum().backward()
    assert feats.grad[0, 0].any()
    assert feats.grad[0, 19].any()
