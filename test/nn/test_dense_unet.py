"""Blocks of DPCCN's U-Net against explicit formulas."""

import pytest
import torch
from helpers.plain_tse import activated
from torch.nn import functional

from toolkit.nn.dense_unet import Conv2dBlock, DenseBlock, PyramidPooling, Transposed2dBlock


@pytest.mark.parametrize(("halve", "bins"), [(False, 9), (True, 4)])
def test_convolution_block_equals_its_formula(halve, bins):
    block, x = Conv2dBlock(3, 4, halve).double(), torch.randn(2, 3, 9, 6, dtype=torch.float64)
    stride, padding = ((2, 1), (0, 1)) if halve else (1, 1)
    y = activated(functional.conv2d(x, block[0].weight, block[0].bias, stride, padding))
    torch.testing.assert_close(block(x), y)
    assert y.shape == (2, 4, bins, 6)


@pytest.mark.parametrize("bins", [9, 10])
def test_transposed_block_comes_back_to_any_number_of_bins(bins):
    """Bin f of the input is spread to bins 2f to 2f + 2: stride 2, kernel 3."""
    block, x = Transposed2dBlock(3, 4).double(), torch.randn(2, 3, 4, 6, dtype=torch.float64)
    total = block.conv.bias.detach()[None, :, None, None].repeat(2, 1, bins, 8)
    for f in range(4):
        for t in range(6):
            patch = torch.einsum("bc,coij->boij", x[:, :, f, t], block.conv.weight.detach())
            total[:, :, 2 * f : 2 * f + 3, t : t + 3] += patch
    torch.testing.assert_close(block(x, bins), activated(total[..., 1:-1]))
    assert Conv2dBlock(4, 3, halve=True).double()(block(x, bins)).shape == x.shape


def test_dense_block_shows_every_block_all_before_it():
    block, x = DenseBlock(6, 4, 5), torch.randn(1, 6, 3, 4)
    assert [tuple(one[0].weight.shape[:2]) for one in block] == [(4, 6), (4, 10), (4, 14), (4, 18), (5, 22)]
    maps = [x]
    for one in block:
        maps.append(one(torch.cat(maps, 1)))
    torch.testing.assert_close(block(x), maps[-1])


def pyramid_in_loops(pyramid, x):
    maps = [x]
    for size, reduce in zip((4, 8, 16, 32), pyramid.reduce, strict=True):
        high, wide = min(size, x.shape[2]), min(size, x.shape[3])
        rows, columns = x.shape[2] // high, x.shape[3] // wide
        pooled = torch.zeros(*x.shape[:2], rows, columns)
        for i in range(rows):
            for j in range(columns):
                pooled[:, :, i, j] = x[:, :, i * high : (i + 1) * high, j * wide : (j + 1) * wide].mean((2, 3))
        maps.append(functional.interpolate(reduce(pooled), x.shape[2:], mode="bilinear"))
    return pyramid.merge(torch.cat(maps, 1))


@pytest.mark.parametrize(("bins", "frames"), [(32, 64), (127, 40), (33, 5), (3, 1), (1, 70)])
def test_pyramid_equals_a_loop_also_on_maps_smaller_than_its_patches(bins, frames):
    pyramid, x = PyramidPooling(8), torch.randn(2, 8, bins, frames)
    assert pyramid.merge.weight.shape == (8, 16, 1, 1)
    torch.testing.assert_close(pyramid(x), pyramid_in_loops(pyramid, x))


def test_a_map_that_is_the_same_everywhere_has_itself_for_mean():
    pyramid = PyramidPooling(4)
    x = torch.randn(1, 4, 1, 1).expand(1, 4, 127, 100)
    means = torch.cat((x[..., :1, :1], *(reduce(x[..., :1, :1]) for reduce in pyramid.reduce)), 1)
    torch.testing.assert_close(pyramid(x), pyramid.merge(means).expand_as(x))
