"""ReDimNet2: published sizes and cost, and the network written down once more."""

import pytest
import torch
import torch.nn.functional as F
from helpers import plain
from helpers.plain import after_training
from torch import nn

from toolkit.io.errors import InputError
from toolkit.metrics.cost.complexity import count_macs, count_parameters
from toolkit.models.sv.redimnet2 import MapNorm, ReDimNet2
from toolkit.testing import check_encoder

B1 = {"channels": 16, "reductions": (32, 32, 32, 32, 16, 16), "out_channels": 0}
B2 = {"channels": 20, "strides": ((1, 1), (2, 1), (1, 2), (3, 1), (1, 2), (2, 1)), "out_channels": 0}
B2 |= {"reductions": (40, 30, 30, 20, 20, 10)}
B4 = {"channels": 32, "expansions": (4, 3, 2, 1, 1, 1), "reductions": (24,) * 6, "out_channels": 0}


def small(**changes) -> ReDimNet2:
    sizes = {"n_mels": 12, "channels": 4, "strides": ((1, 1), (2, 2), (1, 2)), "blocks": (2, 1, 1)}
    sizes |= {"expansions": (2, 1, 1), "reductions": (12, 6, 6), "out_channels": 3}
    torch.manual_seed(0)
    model = after_training(ReDimNet2(**sizes | {"embedding_dim": 12, "attention_channels": 6} | changes))
    for weight in (*model.weights, *(w for w in model.parameters() if w.dim() == 1)):
        nn.init.normal_(weight, std=0.5)
    return model


@pytest.mark.parametrize(
    ("sizes", "tenths_of_millions", "giga"), [({}, 11, 0.33), (B1, 21, 0.56), (B2, 36, 0.95), (B4, 66, 4.62)]
)
def test_size_and_cost_are_the_published_ones(sizes, tenths_of_millions, giga):
    """Sizes of the authors' repository, whose parameters are cut after one digit, of 2 s.

    Its authors make the features by convolutions: 201 frames, 400 samples by 256 real and imaginary parts, 72 filters.
    """
    model = ReDimNet2(**sizes)
    assert count_parameters(model) // 100_000 == tenths_of_millions
    features = 201 * (400 * 2 * 256 + 256 * 72)
    assert features + count_macs(model, (torch.zeros(1, 200, 72),)) == pytest.approx(giga * 1e9, rel=0.04)


def channel_norm(w, name, x):
    """Over dimension 1, position by position."""
    centred = x - x.mean(1, keepdim=True)
    x = centred / (centred.square().mean(1, keepdim=True) + 1e-6).sqrt()
    scale, shift = (w[f"{name}.{part}"].view(-1, *[1] * (x.dim() - 2)) for part in ("weight", "bias"))
    return x * scale + shift


def attention(w, name, x):
    """Four heads over (B, T, C)."""
    queries, keys, values = (
        part.unflatten(2, (4, -1)).transpose(1, 2)
        for part in (x @ w[f"{name}.in_proj_weight"].T + w[f"{name}.in_proj_bias"]).chunk(3, 2)
    )
    weights = (queries @ keys.transpose(2, 3) / queries.shape[-1] ** 0.5).softmax(3)
    return plain.linear(w, f"{name}.out_proj", (weights @ values).transpose(1, 2).flatten(2))


def context(w, name, x):
    """The 1-D block."""
    y = channel_norm(w, f"{name}.reduce.1", plain.conv(w, f"{name}.reduce.0", x))
    for i, kernel in enumerate((7, 19, 31, 59)):
        depth = w[f"{name}.depths.{i}.weight"]
        assert depth.shape[1:] == (1, kernel)
        z = F.conv1d(y, depth, w[f"{name}.depths.{i}.bias"], padding=kernel // 2, groups=len(depth))
        y = y + plain.conv(w, f"{name}.points.{i}.2", F.gelu(plain.norm(w, f"{name}.points.{i}.0", z)))
    y = (y.transpose(1, 2) + attention(w, f"{name}.attention", y.transpose(1, 2))).transpose(1, 2)
    y = channel_norm(w, f"{name}.attention_norm", y).transpose(1, 2)
    z = F.gelu(plain.linear(w, f"{name}.feed_forward.0", y), approximate="tanh")
    y = (y + plain.linear(w, f"{name}.feed_forward.2", z)).transpose(1, 2)
    return x + plain.conv(w, f"{name}.expand", channel_norm(w, f"{name}.out_norm", y))


def block(w, name, x):
    """The 2-D block."""
    y = x
    for half in "12":
        y = F.conv2d(y, w[f"{name}.depth{half}.weight"], None, 1, 1, groups=x.shape[1])
        y = plain.conv(w, f"{name}.point{half}", y)
        y = plain.norm(w, f"{name}.norm{half}", y.relu() if half == "1" else y)
    return (x + y).relu()


def merged(w, name, x, stride):
    """Convolution in groups, as many as inputs, whose kernel is its stride, patch by patch."""
    outputs = len(w[f"{name}.weight"]) // x.shape[1]
    patches = x.unfold(2, stride[0], stride[0]).unfold(3, stride[1], stride[1])
    kernel = w[f"{name}.weight"].unflatten(0, (-1, outputs))[:, :, 0]
    return torch.einsum("bcftij,coij->bcoft", patches, kernel).flatten(1, 2) + w[f"{name}.bias"][:, None, None]


@pytest.mark.parametrize(("frames", "normed"), [(24, True), (8, False)])
def test_it_equals_the_network_written_down_in_plain_functions(frames, normed):
    model = small(map_norm=normed).double()
    w = {name: value.clone() for name, value in model.state_dict().items()}
    feats = torch.randn(2, frames, 12, dtype=torch.float64)

    def signal(x):
        return torch.stack([x[:, c, f] for f in range(x.shape[2]) for c in range(x.shape[1])], 1)

    def output(number, x):
        if not normed:
            return x
        parts = x.reshape(2, 4, -1)
        parts = (parts - parts.mean(2, keepdim=True)) / (parts.var(2, correction=0, keepdim=True) + 1e-5).sqrt()
        return parts.view(x.shape) * w[f"norms.{number}.weight"][:, None] + w[f"norms.{number}.bias"][:, None]

    def total(outputs):
        weight = w[f"weights.{len(outputs) - 2}"].exp() if len(outputs) > 1 else torch.ones(1, 48)
        return sum(x * (v / weight.sum(0))[:, None] for x, v in zip(outputs, weight, strict=True))

    stem = channel_norm(w, "stem.1", plain.conv(w, "stem.0", feats.transpose(1, 2)[:, None]))
    outputs = [output(0, signal(stem))]
    for i, (stride, depth, width) in enumerate([((1, 1), 2, 4), ((2, 2), 1, 4), ((1, 4), 1, 8)]):
        x = total(outputs).view(2, -1, width, frames).transpose(1, 2)
        x = merged(w, f"stages.{i}.merge", x, stride)
        for number in range(depth):
            x = block(w, f"stages.{i}.blocks.{number}", x)
        if i == 0:
            x = plain.conv(w, "stages.0.project.0", x)
            w["stages.0.project.1.running_var"] -= 1e-5 - 1e-6  # plain.norm adds the first, this norm the second
            x = plain.norm(w, "stages.0.project.1", x)
        x = context(w, f"stages.{i}.context", signal(x))
        outputs.append(output(i + 1, x.repeat_interleave(stride[1], 2)))
    x = plain.conv(w, "head", total(outputs).view(2, 6, 8, frames).transpose(1, 2)).flatten(1, 2)
    statistics = torch.cat((x.mean(2), x.var(2, correction=0).clamp(min=1e-7).sqrt()), 1)
    hidden = plain.conv(w, "pooling.frame_projection", x)
    hidden = hidden + (statistics @ w["pooling.context_projection.weight"].T)[:, :, None]
    weights = plain.conv(w, "pooling.logits", hidden.tanh()).softmax(2)
    mean = (weights * x).sum(2)
    deviation = ((weights * (x - mean[:, :, None]) ** 2).sum(2)).clamp(min=1e-7).sqrt()
    pooled = plain.norm(w, "pooled_norm", torch.cat((mean, deviation), 1))
    torch.testing.assert_close(model(feats), plain.linear(w, "embedding", pooled))


def test_frames_that_fill_no_stride_are_filled_with_zeros():
    """A stage that only repeats frames cannot tell; the padding is left out of all means."""
    model, feats = small(), torch.randn(2, 9, 12)
    padded = torch.cat((feats, torch.zeros(2, 3, 12)), 1)
    with torch.no_grad():
        torch.testing.assert_close(model(feats), model(padded, torch.tensor([9, 9])))
        assert not torch.allclose(model(feats), model(feats[:, :8]), atol=1e-3)


def test_group_normalisation_without_the_padding():
    norm, x, lengths = MapNorm(2, 6), torch.randn(3, 6, 7), (7, 4, 1)
    for weight in norm.parameters():
        nn.init.normal_(weight)
    oracle = nn.GroupNorm(2, 6)
    oracle.load_state_dict(norm.state_dict())
    y = norm(x, torch.arange(7) < torch.tensor(lengths)[:, None])
    for i, length in enumerate(lengths):
        torch.testing.assert_close(y[i, :, :length], oracle(x[i : i + 1, :, :length])[0])


@pytest.mark.parametrize("options", [{"map_norm": False}, {"out_channels": 0}, {"strides": ((3, 1), (1, 3), (2, 1))}])
def test_variants_keep_the_promises(options):
    check_encoder(small(**options), features=12)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"blocks": (1, 1)}, "one entry"),
        ({"n_mels": 13}, "multiple of 2"),
        ({"reductions": (9, 6, 6)}, "of 4"),
    ],
)
def test_sizes_that_cannot_be(wrong, message):
    with pytest.raises(InputError, match=message):
        small(**wrong)
