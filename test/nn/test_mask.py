import torch

from toolkit.nn.mask import length_mask, masked_mean, zero_padding


def test_length_mask_by_hand():
    mask = length_mask(torch.tensor([1, 3]), 3)
    assert mask.tolist() == [[True, False, False], [True, True, True]]


def test_masked_mean_is_the_mean_of_each_utterance_alone():
    x = torch.randn(2, 4, 7)
    means = masked_mean(x, length_mask(torch.tensor([3, 7]), 7))
    torch.testing.assert_close(means, torch.stack((x[0, :, :3].mean(-1), x[1].mean(-1))))


def test_axes_between_channels_and_time_are_kept():
    x, mask = torch.randn(2, 3, 4, 5, 7), length_mask(torch.tensor([3, 7]), 7)
    flat = x.flatten(1, 3)
    assert torch.equal(zero_padding(x, mask).flatten(1, 3), zero_padding(flat, mask))
    torch.testing.assert_close(masked_mean(x, mask).flatten(1), masked_mean(flat, mask))
    assert masked_mean(x, mask).shape == masked_mean(x, None).shape == (2, 3, 4, 5)


def test_padding_which_is_not_a_number_is_masked():
    x = torch.tensor([[[1.0, torch.nan]]])
    mask = length_mask(torch.tensor([1]), 2)
    assert zero_padding(x, mask).tolist() == [[[1.0, 0.0]]]
    assert masked_mean(x, mask).item() == 1.0


def test_no_mask_means_no_copy():
    x = torch.randn(1, 2, 3)
    assert zero_padding(x, None) is x
