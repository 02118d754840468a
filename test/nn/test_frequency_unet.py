"""Sizes on the way down and up, skip connections, and where local features stand."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from toolkit.io.errors import InputError
from toolkit.nn.frequency_unet import FrequencyDecoder, FrequencyEncoder, doubling, halved_bins, halving, through
from toolkit.nn.local_global import SpeakerCues


@pytest.mark.parametrize(
    ("bins", "expected"), [(161, [161, 80, 39, 19, 9, 4]), (33, [33, 16, 7, 3, 1]), (34, [34, 16, 7])]
)
def test_bins_and_the_way_back(bins, expected):
    assert halved_bins(bins, (1,) * (len(expected) - 1)) == expected
    for above, below in pairwise(expected):
        for frames in (1, 3):
            x = torch.randn(1, 2, above, 5)
            down = halving(2, 3, frames)(x)
            assert down.shape == (1, 3, below, 5)
            assert doubling(3, 2, above, frames)(down).shape == x.shape


def test_every_layer_reads_its_map_the_features_and_the_skip():
    torch.manual_seed(0)
    x, features = torch.randn(2, 2, 15, 6), (torch.randn(2, 1, 15), torch.randn(2, 3, 7))
    down = FrequencyEncoder.of(halving, 2, (3, 4), (1, 3))
    up = FrequencyDecoder(
        lambda before, after, bins, _: doubling(before, after, bins), 5, (3, 4), halved_bins(15, (3, 4))
    )
    cues = SpeakerCues(features, torch.randn(2, 12))
    maps = down(x, cues)
    first = down[0](torch.cat((x, features[0][..., None].repeat(1, 1, 1, 6)), 1))
    second = down[1](torch.cat((first, features[1][..., None].repeat(1, 1, 1, 6)), 1))
    torch.testing.assert_close(maps, [first, second])
    deepest = through(nn.Identity(), second, cues)
    torch.testing.assert_close(deepest, second * cues.gain.view(2, 4, 3, 1))
    expected = up[1](torch.cat((up[0](torch.cat((deepest, second), 1)), first), 1))
    torch.testing.assert_close(up(deepest, maps), expected)
    assert expected.shape == (2, 5, 15, 6)


@pytest.mark.parametrize("channels", [(3,), (3, 0), (1,) * 5])
def test_levels_that_do_not_go(channels):
    with pytest.raises(InputError, match="2 or more numbers from 1, no more than halve 33 bins"):
        halved_bins(33, channels)
