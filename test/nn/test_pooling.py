import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.nn.mask import length_mask
from toolkit.nn.pooling import AttentiveStatisticsPooling, StatisticsPooling


def poolings():
    return [
        StatisticsPooling(),
        AttentiveStatisticsPooling(6, 4),
        AttentiveStatisticsPooling(6, 4, global_context=True),
        AttentiveStatisticsPooling(6, 4, kind="l2"),
    ]


def test_statistics_are_mean_and_biased_deviation():
    x = torch.randn(3, 6, 20)
    expected = torch.cat((x.mean(-1), x.std(-1, correction=0)), 1)
    torch.testing.assert_close(StatisticsPooling()(x), expected)


def test_statistics_with_mask_are_those_of_the_frames_inside():
    x = torch.randn(1, 6, 20)
    masked = StatisticsPooling()(x, length_mask(torch.tensor([7]), 20))
    torch.testing.assert_close(masked, StatisticsPooling()(x[:, :, :7]))


def test_attentive_pooling_equals_the_published_formula_over_concatenated_context():
    """Desplanques et al. 2020, eq. 1-3, with the context repeated over all frames."""
    pool = AttentiveStatisticsPooling(6, 4, global_context=True).eval()
    x = torch.randn(2, 6, 9)
    context = torch.cat((x, x.mean(-1, True).expand_as(x), x.std(-1, correction=0, keepdim=True).expand_as(x)), 1)
    weight = torch.cat((pool.frame_projection.weight[:, :, 0], pool.context_projection.weight), 1)
    hidden = torch.einsum("dc,bct->bdt", weight, context) + pool.frame_projection.bias[:, None]
    alpha = pool.logits(pool.norm(hidden.relu())).softmax(-1)
    mean = (alpha * x).sum(-1)
    deviation = ((alpha * x**2).sum(-1) - mean**2).sqrt()
    torch.testing.assert_close(pool(x), torch.cat((mean, deviation), 1))


def test_attention_sums_to_one_over_the_real_frames():
    """So a feature that is the same in all frames has itself as its mean, whatever is in the padding."""
    pool = AttentiveStatisticsPooling(6, 4).eval()
    x = torch.randn(2, 6, 9)
    x[:, 2] = 4.0
    x[0, :, 5:] = -100.0
    pooled = pool(x, length_mask(torch.tensor([5, 9]), 9))
    torch.testing.assert_close(pooled[:, 2], torch.tensor([4.0, 4.0]))
    torch.testing.assert_close(pooled[:, 8], torch.full((2,), 1e-5**0.5))


def test_kinds_of_attentive_pooling_agree_with_one_another():
    """sap is the mean of asp; l2's first half is the root of asp's mean square, mean ** 2 + deviation ** 2."""
    asp, sap, l2 = (AttentiveStatisticsPooling(6, 4, kind=kind).eval() for kind in ("asp", "sap", "l2"))
    sap.load_state_dict(asp.state_dict())
    l2.load_state_dict(asp.state_dict())
    x = torch.randn(2, 6, 9)
    mean, deviation = asp(x).chunk(2, 1)
    torch.testing.assert_close(sap(x), mean)
    torch.testing.assert_close(l2(x), torch.cat(((mean**2 + deviation**2).sqrt(), deviation), 1))
    assert [p.out_channels for p in (asp, sap, l2)] == [12, 6, 12]


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="asp, sap, l2"):
        AttentiveStatisticsPooling(6, 4, kind="max")


def test_context_bottleneck_has_the_size_of_ecapa():
    """4608 -> 128 -> 1536: the two layers and their normalisation."""
    pool = AttentiveStatisticsPooling(1536, 128, global_context=True)
    assert sum(p.numel() for p in pool.parameters()) == (4608 * 128 + 128) + 2 * 128 + (128 * 1536 + 1536)


@pytest.mark.parametrize("pool", poolings())
def test_padding_does_not_count(pool):
    x = torch.randn(2, 6, 12)
    mask = length_mask(torch.tensor([5, 12]), 12)
    torch.testing.assert_close(pool.eval()(x, mask)[:1], pool(x[:1, :, :5]))


@pytest.mark.parametrize("pool", poolings())
def test_one_frame_has_the_floor_as_deviation_and_a_finite_gradient(pool):
    # In float32 the variance is a difference of squares, whose rounding may exceed the floor.
    x = torch.randn(2, 6, 1, dtype=torch.float64, requires_grad=True)
    pooled = pool.double()(x)
    pooled.sum().backward()
    first = x[:, :, 0].abs() if getattr(pool, "kind", "") == "l2" else x[:, :, 0]
    torch.testing.assert_close(pooled, torch.cat((first, torch.full((2, 6), 1e-5**0.5, dtype=x.dtype)), 1))
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("pool", poolings())
def test_gradient_equals_finite_differences(pool, masked):
    x = torch.randn(2, 6, 5, dtype=torch.float64, requires_grad=True)
    mask = length_mask(torch.tensor([3, 5]), 5) if masked else None
    assert torch.autograd.gradcheck(lambda x: pool.double().eval()(x, mask), x)


@pytest.mark.parametrize("pool", poolings())
def test_statistics_stay_in_float32_under_autocast(pool):
    with torch.autocast("cpu", torch.bfloat16):
        assert pool(torch.randn(2, 6, 5).bfloat16()).dtype == torch.float32
