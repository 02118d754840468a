import numpy as np
import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.nn.mask import length_mask
from toolkit.nn.tdnn import Res2Tdnn, SERes2Block, SqueezeExcitation, TdnnBlock, reflected


def blocks():
    return [
        TdnnBlock(8, 8, 3, dilation=2),
        TdnnBlock(8, 8, 5, dilation=3, padding="reflect"),
        Res2Tdnn(8, 4),
        SqueezeExcitation(8, 2),
        SERes2Block(8, scale=4, se_norm=True),
    ]


@pytest.mark.parametrize("block", blocks())
def test_shape_stays_and_padding_does_not_count(block):
    for norm in (m for m in block.modules() if isinstance(m, torch.nn.BatchNorm1d)):
        torch.nn.init.normal_(norm.bias)
    x = torch.randn(2, 8, 11)
    padded = block.eval()(x, length_mask(torch.tensor([6, 11]), 11))
    assert padded.shape == x.shape
    torch.testing.assert_close(padded[:1, :, :6], block(x[:1, :, :6]))


@pytest.mark.parametrize("width", [1, 5, 30])
def test_reflection_is_numpys_at_the_end_of_each_utterance(width):
    x, lengths = torch.randn(4, 2, 9), [9, 6, 2, 1]
    padded = reflected(x, length_mask(torch.tensor(lengths), 9), width)
    assert padded.shape == (4, 2, 9 + 2 * width)
    for row, whole, n in zip(padded, x, lengths, strict=True):
        expected = np.pad(whole[:, :n].numpy(), ((0, 0), (width, width)), mode="reflect")
        np.testing.assert_array_equal(row[:, : n + 2 * width], expected)
        np.testing.assert_array_equal(reflected(whole[None, :, :n], None, width)[0], expected)


def test_tdnn_block_normalises_after_the_activation():
    y = TdnnBlock(8, 16, 5)(torch.randn(4, 8, 50))
    torch.testing.assert_close(y.mean((0, 2)), torch.zeros(16), atol=1e-5, rtol=0)
    assert (TdnnBlock(8, 16, norm=False)(torch.randn(4, 8, 50)) >= 0).all()


def test_res2_groups_follow_the_hierarchy():
    """Gao et al. 2019, eq. 1: y_1 = x_1, y_2 = K_2(x_2), y_i = K_i(x_i + y_{i-1})."""
    block = Res2Tdnn(6, 3).eval()
    x = torch.randn(1, 6, 9)
    y = block(x)
    second = block.blocks[0](x[:, 2:4])
    torch.testing.assert_close(y, torch.cat((x[:, :2], second, block.blocks[1](x[:, 4:] + second)), 1))


def test_squeeze_excitation_scales_each_channel_by_one_gate():
    x = torch.randn(2, 8, 5)
    gates = SqueezeExcitation(8, 2)(x) / x
    assert ((gates > 0) & (gates < 1)).all()
    torch.testing.assert_close(gates, gates[:, :, :1].expand_as(gates))


def test_even_kernel_and_wrong_scale_are_refused():
    with pytest.raises(InputError, match="kernel size 4"):
        TdnnBlock(8, 8, 4)
    with pytest.raises(InputError, match="scale 3"):
        Res2Tdnn(8, 3)
