"""The attentive recurrent network against loops in numpy, and its published size."""

import math

import numpy as np
import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.nn.arn import ARN


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def norm(w, name, x):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt(centred.var(-1, keepdims=True) + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def linear(w, name, x):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def lstm(w, x, suffix=""):
    """One direction, (T, F) -> (T, H)."""
    size = w[f"rnn.weight_hh_l0{suffix}"].shape[1]
    h, c, outputs = np.zeros(size), np.zeros(size), []
    for frame in x:
        gates = w[f"rnn.weight_ih_l0{suffix}"] @ frame + w[f"rnn.bias_ih_l0{suffix}"]
        gates += w[f"rnn.weight_hh_l0{suffix}"] @ h + w[f"rnn.bias_hh_l0{suffix}"]
        i, f, g, o = np.split(gates, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs)


def whole(model: ARN, x: np.ndarray) -> np.ndarray:
    """(T, F) -> (T, out), frame by frame."""
    w = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    if "input_norm.weight" in w:
        x = norm(w, "input_norm", x)
    x = np.concatenate((lstm(w, x), lstm(w, x[::-1], "_reverse")[::-1]), 1)
    count = x.shape[1]
    value, query = norm(w, "value_norm", x), norm(w, "query_norm", x)
    gate = sigmoid(w["value_gate"])
    gate = sigmoid(linear(w, "value_sigmoid", gate)) * np.tanh(linear(w, "value_tanh", gate))
    rows = []
    for t in range(len(x)):
        q = linear(w, "query", query[t]) * sigmoid(w["query_gate"])
        weights = np.exp([q @ (value[s] * sigmoid(w["key_gate"])) / math.sqrt(count) for s in range(len(x))])
        attended = sum(weights[s] / weights.sum() * value[s] * gate for s in range(len(x)))
        h = query[t] + attended
        wide = linear(w, "feedforward", norm(w, "feedforward_norm", h))
        wide = [a / 2 * (1 + math.erf(a / math.sqrt(2))) for a in wide]
        rows.append(norm(w, "out_norm", h) + np.sum(np.split(np.array(wide), 4), 0))
    return linear(w, "out", np.stack(rows)) if "out.weight" in w else np.stack(rows)


@pytest.mark.parametrize("options", [{}, {"in_channels": 1, "out_channels": 1, "input_norm": False}])
def test_it_is_what_loops_over_frames_give(options):
    torch.manual_seed(0)
    model = ARN(6, **options).double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, 7, options.get("in_channels", 6), dtype=torch.float64)
    expected = np.stack([whole(model, one.numpy()) for one in x])
    np.testing.assert_allclose(model(x).detach().numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"channels": 1024}, 13_660_160),
        ({"channels": 32}, 13 * 32**2 + 28 * 32),
        # BLSTM of one feature; no norm of the input; a linear layer of 32 to 1.
        ({"channels": 32, "in_channels": 1, "out_channels": 1, "input_norm": False}, 10_209),
    ],
)
def test_its_size(options, size):
    with torch.device("meta"):
        assert sum(p.numel() for p in ARN(**options).parameters()) == size


def test_dropout_is_for_training():
    model, x = ARN(8, dropout=0.5), torch.randn(1, 5, 8)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 7}, "7 channels.*must be even"),
        ({"channels": 0}, "0 channels"),
        ({"channels": 8, "out_channels": 0}, "out 0"),
        ({"channels": 8, "in_channels": 1}, "input_norm"),
    ],
)
def test_sizes_that_do_not_go(options, message):
    with pytest.raises(InputError, match=message):
        ARN(**options)
