import pytest
import torch
from torch.nn import functional

from toolkit.io.errors import InputError
from toolkit.nn.mask import length_mask
from toolkit.nn.resnet import ResidualStage, SEBasicBlock, SqueezeExcitation2d, strided


def after_training(module: torch.nn.Module) -> torch.nn.Module:
    """Random statistics and shifts: padding which is not masked would show."""
    for norm in (m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        for values in (norm.bias, norm.running_mean):
            torch.nn.init.normal_(values)
        for values in (norm.weight, norm.running_var):
            torch.nn.init.uniform_(values, 0.5, 2)
    return module.eval()


def test_squeeze_excitation_by_hand():
    """Two channels with means 3 and 0.5: squeezed to relu(3 + 0.5 - 1.5) = 2, gates sigmoid(0) and sigmoid(2 ln 3)."""
    se = SqueezeExcitation2d(2, reduction=2)
    with torch.no_grad():
        se.squeeze.weight.fill_(1)
        se.squeeze.bias.fill_(-1.5)
        se.excite.weight.copy_(torch.tensor([[0.0], [3.0]]).log1p() / 2)
        se.excite.bias.copy_(torch.tensor([0.0, torch.tensor(3.0).log() - torch.tensor(4.0).log()]))
    x = torch.tensor([[[[1.0, 2.0], [4.0, 5.0]], [[0.0, 0.0], [2.0, 0.0]]]])
    assert se(x)[0, 0].tolist() == [[0.5, 1.0], [2.0, 2.5]]
    torch.testing.assert_close(se(x)[0, 1], torch.tensor([[0.0, 0.0], [1.5, 0.0]]))


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (2, 1), (1, 2)])
@pytest.mark.parametrize("reduction", [0, 2])
def test_block_equals_its_formula(stride, reduction):
    """conv - ReLU - BN - conv - BN - SE + (BN of a strided 1x1 convolution) - ReLU, written down in functions."""
    block = after_training(SEBasicBlock(4, 6, stride, reduction))
    weights, x = block.state_dict(), torch.randn(2, 4, 7, 9)

    def norm(y, name):
        mean, variance, scale, shift = (
            weights[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (y - mean) / (variance + 1e-5).sqrt() * scale + shift

    y = norm(functional.conv2d(x, weights["conv1.weight"], stride=stride, padding=1).relu(), "norm1")
    y = norm(functional.conv2d(y, weights["conv2.weight"], padding=1), "norm2")
    if reduction:
        hidden = (y.mean((2, 3)) @ weights["se.squeeze.weight"].T + weights["se.squeeze.bias"]).relu()
        gates = 1 / (1 + (-(hidden @ weights["se.excite.weight"].T + weights["se.excite.bias"])).exp())
        y = y * gates[:, :, None, None]
    picked = x[:, :, :: stride[0], :: stride[1]]
    shortcut = norm(torch.einsum("oc,bcft->boft", weights["shortcut.0.weight"][:, :, 0, 0], picked), "shortcut.1")
    torch.testing.assert_close(block(x), (y + shortcut).relu(), atol=1e-5, rtol=1e-4)


def test_the_shortcut_is_the_input_where_shapes_agree():
    block = SEBasicBlock(4, 4, reduction=2).eval()
    torch.nn.init.zeros_(block.norm2.weight)
    x = torch.randn(1, 4, 5, 6)
    torch.testing.assert_close(block(x), x.relu())


def test_parameters_of_a_block_are_those_of_its_layers():
    """Two 3x3 convolutions, 1x1 shortcut, three normalisations, 64 -> 8 -> 64 with biases."""
    expected = 9 * (32 * 64 + 64 * 64) + 32 * 64 + 3 * 2 * 64 + (64 * 8 + 8 + 8 * 64 + 64)
    assert sum(p.numel() for p in SEBasicBlock(32, 64, (2, 2)).parameters()) == expected


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (1, 3)])
@pytest.mark.parametrize("module", [ResidualStage, SEBasicBlock])
def test_padding_does_not_count(stride, module):
    arguments = {"stride": stride, "reduction": 2} | ({"depth": 2} if module is ResidualStage else {})
    block = after_training(module(3, 4, **arguments))
    x, lengths = torch.randn(4, 3, 8, 13), torch.tensor([13, 12, 5, 1])
    alone = [block(x[i : i + 1, :, :, :n]) for i, n in enumerate(lengths)]
    for row, n in zip(x, lengths, strict=True):
        row[:, :, n:] = 100.0
    padded, mask = block(x, length_mask(lengths, 13)), strided(length_mask(lengths, 13), stride[1])
    if module is ResidualStage:
        (padded, mask), alone = padded, [y for y, _ in alone]
    assert padded.shape == (4, 4, -(-8 // stride[0]), -(-13 // stride[1]))
    for row, valid, single in zip(padded, mask, alone, strict=True):
        assert int(valid.sum()) == single.shape[-1]
        torch.testing.assert_close(row[:, :, valid], single[0], atol=1e-5, rtol=1e-4)


def test_a_reduction_that_leaves_no_channel_is_refused():
    with pytest.raises(InputError, match="reduction 8"):
        SEBasicBlock(4, 4, reduction=8)


@pytest.mark.parametrize("channels", [4, 8, 12])
def test_narrow_blocks_with_a_stride_learn_in_channels_last(channels):
    """oneDNN's strided 1x1 kernel corrupts memory there; no such convolution is left, and gradients are right."""
    block = SEBasicBlock(channels, 16, (2, 2))
    assert block.shortcut[0].stride == (1, 1)
    x = torch.randn(2, channels, 10, 33)
    gradients = []
    for layout in (torch.contiguous_format, torch.channels_last):
        block.zero_grad()
        block.to(memory_format=layout)(x.contiguous(memory_format=layout)).square().sum().backward()
        gradients.append([p.grad.clone() for p in block.parameters()])
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, atol=1e-2, rtol=1e-3)
