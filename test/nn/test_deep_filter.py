"""The deep filter against loops over frames, bins and taps."""

import numpy as np
import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.nn.deep_filter import DeepFilter


def filtered(x, spectrum, frames, bins):
    """Channels (2 taps, F, T) and planes (2, F, T) -> (F, T), the sum of the docstring as it is written."""
    mixture, out = spectrum[0] + 1j * spectrum[1], np.zeros(spectrum.shape[1:], complex)
    taps = x.reshape(2 * frames + 1, 2 * bins + 1, 2, *out.shape)
    for f, t in np.ndindex(*out.shape):
        for l in range(-frames, frames + 1):  # noqa: E741
            for i in range(-bins, bins + 1):
                if 0 <= t + l < out.shape[1] and 0 <= f + i < out.shape[0]:
                    real, imaginary = taps[l + frames, i + bins, :, f, t]
                    out[f, t] += (real + 1j * imaginary) * mixture[f + i, t + l]
    return out


@pytest.mark.parametrize("activation", ["linear", "gated"])
@pytest.mark.parametrize(("frames", "bins"), [(2, 1), (0, 0), (1, 2), (5, 0)])
def test_it_is_the_sum_over_all_taps(frames, bins, activation):
    block = DeepFilter(frames, bins, activation)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, block.channels, 5, 4, generator=generator, dtype=torch.float64)
    spectrum = torch.randn(2, 2, 5, 4, generator=generator, dtype=torch.float64)
    actual, taps = block(x, spectrum).numpy(), x.numpy()
    if activation == "gated":
        first, second = np.split(taps, 2, axis=1)
        taps = np.tanh(first) / (1 + np.exp(-second))
    for row in range(2):
        expected = filtered(taps[row], spectrum[row].numpy(), frames, bins)
        np.testing.assert_allclose(actual[row, 0] + 1j * actual[row, 1], expected, atol=1e-12)


def test_a_tap_of_one_at_one_neighbour_moves_the_spectrogram():
    """Tap 3 (l + 2) + (i + 1) of 15; here l = 1, i = -1: what a bin lower and a frame later is."""
    block, spectrum = DeepFilter(2, 1), torch.randn(1, 2, 6, 8)
    x = torch.zeros(1, block.channels, 6, 8)
    x[:, 2 * 9] = 1
    moved = block(x, spectrum)
    assert torch.equal(moved[..., 1:, :-1], spectrum[..., :-1, 1:])
    assert not moved[..., 0, :].any()
    assert not moved[..., -1].any()


def test_numbers_of_taps_and_channels():
    assert (DeepFilter().taps, DeepFilter().channels, DeepFilter(activation="gated").channels) == (15, 30, 60)


@pytest.mark.parametrize(("args", "message"), [((-1, 1), "-1 frames"), ((2, 1, "relu"), "'relu': must be one of")])
def test_options_that_do_not_go(args, message):
    with pytest.raises(InputError, match=message):
        DeepFilter(*args)
