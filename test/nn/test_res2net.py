import math

import pytest
import torch
from helpers import plain
from helpers.plain import after_training

from toolkit.nn.mask import length_mask
from toolkit.nn.res2net import AttentionalFeatureFusion, Res2NetBlock, Res2NetStage
from toolkit.nn.resnet import strided


def weights(module: torch.nn.Module) -> dict:
    """State dict below the name ``it``."""
    return {f"it.{name}": value for name, value in module.state_dict().items()}


def test_fusion_by_hand():
    """hidden = SiLU(x - y + 1), gate = 1 + tanh(2 hidden): SiLU(0) = 0 where x, y are 1, 2; SiLU(2) where 3, 2."""
    fusion = AttentionalFeatureFusion(1, reduction=1).eval()
    with torch.no_grad():
        fusion.attention[0].weight.copy_(torch.tensor([1.0, -1.0]).view(1, 2, 1, 1))
        fusion.attention[0].bias.fill_(1)
        fusion.attention[3].weight.fill_(2)
        fusion.attention[3].bias.zero_()
    gate = 1 + math.tanh(2 * 2 / (1 + math.exp(-2)))
    fused = fusion(torch.tensor([[[[1.0, 3.0]]]]), torch.tensor([[[[2.0, 2.0]]]]))
    torch.testing.assert_close(fused, torch.tensor([[[[1.0 + 2.0, 3 * gate + 2 * (2 - gate)]]]]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("reduction", [2, 4])
def test_fusion_equals_its_formula(reduction):
    fusion = after_training(AttentionalFeatureFusion(8, reduction)).double()
    x, y = torch.randn(2, 2, 8, 3, 5, dtype=torch.float64)
    assert fusion.attention[0].weight.shape == (8 // reduction, 16, 1, 1)
    torch.testing.assert_close(fusion(x, y), plain.fused(weights(fusion), "it", x, y))


@pytest.mark.parametrize("fusion", [False, True])
@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize(("channels", "stride"), [(6, 1), (6, 2), (24, 1)])
def test_block_equals_its_formula(channels, stride, scale, fusion):
    block = after_training(Res2NetBlock(channels, 12, stride, scale=scale, fusion=fusion)).double()
    x = 12 * torch.randn(2, channels, 7, 9, dtype=torch.float64)
    y = block(x)
    torch.testing.assert_close(y, plain.res2net_block(weights(block), "it", x, stride))
    assert y.shape == (2, 24, -(-7 // stride), -(-9 // stride))
    assert (y.min(), y.max()) == (0, 20)  # both clips were met
    assert (block.shortcut is None) == (channels == 24 and stride == 1)


def test_the_second_group_sees_the_first():
    """An impulse in the first group's channel reaches one cell to each side, through the second group two."""
    block = Res2NetBlock(2, 1, base_width=64, expansion=2).eval()
    with torch.no_grad():
        block.reduce[0].weight.copy_(torch.eye(2).view(2, 2, 1, 1))
        block.expand[0].weight.copy_(torch.eye(2).view(2, 2, 1, 1))
        for group in block.groups:
            group[0].weight.fill_(1)
    x = torch.zeros(1, 2, 1, 9)
    x[0, 0, 0, 4] = 1
    seen = (block(x) - x).abs() > 1e-3
    assert seen[0, 0, 0].nonzero().flatten().tolist() == [3, 4, 5]
    assert seen[0, 1, 0].nonzero().flatten().tolist() == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(("planes", "width"), [(16, 6), (24, 9), (32, 13), (64, 26), (128, 52)])
def test_parameters_of_a_block_are_those_of_its_layers(planes, width):
    """Widths floor(planes * 26 / 64); ParaNoise-SV's S4 has the last, with a fusion of width / 4 between the groups."""
    cin, cout = 2 * planes, 2 * planes
    plainly = cin * 2 * width + 4 * width + 2 * (9 * width**2 + 2 * width) + 2 * width * cout + 2 * cout
    inner = width // 4
    between = 2 * width * inner + inner + 2 * inner + inner * width + width + 2 * width
    for fusion, expected in ((False, plainly), (True, plainly + between)):
        assert sum(p.numel() for p in Res2NetBlock(cin, planes, fusion=fusion).parameters()) == expected


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("fusion", [False, True])
def test_padding_does_not_count(stride, fusion):
    stage = after_training(Res2NetStage(3, 8, 2, stride, fusion=fusion))
    x, lengths = torch.randn(5, 3, 6, 13), torch.tensor([13, 12, 5, 2, 1])
    alone = [stage(x[i : i + 1, :, :, :n])[0] for i, n in enumerate(lengths)]
    for row, n in zip(x, lengths, strict=True):
        row[:, :, n:] = 100.0
    padded, mask = stage(x, length_mask(lengths, 13))
    assert torch.equal(mask, strided(length_mask(lengths, 13), stride))
    for row, valid, single in zip(padded, mask, alone, strict=True):
        assert int(valid.sum()) == single.shape[-1]
        torch.testing.assert_close(row[:, :, valid], single[0], atol=1e-5, rtol=1e-4)
