"""Demucs: sizes, causality, level, initial weights, and the way of the paper worked out anew."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchaudio.functional import resample

from toolkit.io.errors import InputError
from toolkit.metrics.cost.complexity import count_parameters
from toolkit.models.se.demucs import Demucs


def test_parameters_of_dns64():
    """Counted by hand: levels of 64, 128, ..., 1024 channels, two layers of LSTM with 1024 cells."""
    total, outer = 0, 1
    for width in (64, 128, 256, 512, 1024):
        total += (outer * width * 8 + width) + (width * width * 8 - width * (width - outer) * 8 + outer)
        total += 2 * (2 * width * width + 2 * width)
        outer = width
    total += 2 * (4 * 1024 * (1024 + 1024) + 8 * 1024)
    with torch.device("meta"):
        assert count_parameters(Demucs()) == total == 33_533_569


@pytest.mark.parametrize(("hidden", "count"), [(48, 18_867_937)])
def test_parameters_of_dns48(hidden, count):
    """The other published size."""
    with torch.device("meta"):
        assert count_parameters(Demucs(hidden=hidden)) == count


def test_an_output_sample_looks_44_ms_ahead():
    """What comes later is turned round, which keeps the standard deviation."""
    torch.manual_seed(0)
    model, wav = Demucs(hidden=4).eval(), torch.randn(1, 12000)
    changed = torch.cat((wav[:, :6000], wav[:, 6000:].flip(1)), 1)
    with torch.inference_mode():
        differ = (model(wav) - model(changed)).abs()[0] > 1e-6
    first = int(differ.nonzero()[0])
    assert 6000 - 0.044 * 16000 - 8 < first < 6000


def test_the_level_goes_in_and_out():
    torch.manual_seed(0)
    model, wav = Demucs(hidden=4, depth=3, floor=1e-6).eval(), torch.randn(1, 3000)
    torch.testing.assert_close(model(0.01 * wav), 0.01 * model(wav), atol=1e-6, rtol=1e-4)


def test_initial_weights_are_drawn_to_a_tenth():
    """torch's have sqrt(1 / (3 fan)), of a 1 x 1 convolution of 64 channels 0.0722: it becomes sqrt(0.1 * 0.0722)."""
    torch.manual_seed(0)
    weight = Demucs(depth=2).encoder[0][2].weight
    assert weight.std().item() == pytest.approx(math.sqrt(0.1 / math.sqrt(3 * 64)), rel=0.02)


@pytest.mark.parametrize("samples", [1, 250, 1234])
def test_forward_by_the_paper(samples):
    """Section 2: U = 4, two levels of K = 8, S = 4."""
    torch.manual_seed(0)
    model, wav = Demucs(hidden=3, depth=2, floor=0.01), torch.randn(1, samples)
    scale = (wav.var(correction=0) + 0.01**2).sqrt()
    x = resample(wav / scale, 1, 4, lowpass_filter_width=56, rolloff=1.0)
    frames = max(math.ceil((4 * samples - 36) / 16), 0) + 1  # of the second level, which see 36 samples, 16 apart
    x = F.pad(x, (0, 36 + 16 * (frames - 1) - x.shape[1]))[None]
    weight = dict(model.named_parameters())

    def gate(x, name):
        a, b = F.conv1d(x, weight[f"{name}.weight"], weight[f"{name}.bias"]).chunk(2, 1)
        return a * b.sigmoid()

    one = gate(F.conv1d(x, weight["encoder.0.0.weight"], weight["encoder.0.0.bias"], stride=4).relu(), "encoder.0.2")
    two = gate(F.conv1d(one, weight["encoder.1.0.weight"], weight["encoder.1.0.bias"], stride=4).relu(), "encoder.1.2")
    cells = nn.LSTM(6, 6, 2)
    cells.load_state_dict(model.lstm.state_dict())
    y = two + cells(two.permute(2, 0, 1))[0].permute(1, 2, 0)
    y = gate(y, "decoder.0.0")
    y = F.conv_transpose1d(y, weight["decoder.0.2.weight"], weight["decoder.0.2.bias"], stride=4).relu() + one
    y = gate(y, "decoder.1.0")
    y = F.conv_transpose1d(y, weight["decoder.1.2.weight"], weight["decoder.1.2.bias"], stride=4)[0]
    out = resample(y[:, : 4 * samples], 4, 1, lowpass_filter_width=56, rolloff=1.0) * scale
    torch.testing.assert_close(model(wav), out, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    "sizes",
    [
        {"resample": 1, "depth": 3},
        {"resample": 2, "depth": 2, "stride": 3, "kernel_size": 5},  # frames and samples meet at every ninth
        {"depth": 1, "stride": 3, "kernel_size": 3},
        {"depth": 5},
    ],
)
def test_in_chunks_at_other_sizes(sizes):
    torch.manual_seed(0)
    model, wav = Demucs(hidden=4, **sizes).eval(), torch.randn(1, 16001)
    with torch.inference_mode():
        torch.testing.assert_close(model.enhance(wav[0], 0.05), model(wav)[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("sizes", [{"stride": 9}, {"depth": 0}, {"resample": 0}])
def test_sizes_that_cannot_be(sizes):
    with pytest.raises(InputError, match="stride . must be within kernel_size 8, and every size"):
        Demucs(**sizes)
