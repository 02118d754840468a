"""Conv-TasNet: sizes, and the way of the paper worked out anew."""

import errno

import pytest
import torch
import torch.nn.functional as F

from toolkit.io.errors import InputError
from toolkit.metrics.cost.complexity import count_macs, count_parameters
from toolkit.models.se.conv_tasnet import ConvTasNet

N, L, B, H, X, R, P = 10, 8, 4, 6, 2, 3, 5
TINY = {"filters": N, "filter_samples": L, "bottleneck": B, "hidden": H, "blocks": X, "repeats": R, "kernel_size": P}


def test_parameters_of_the_paper():
    """Counted by hand: encoder and decoder, gLN, bottleneck, 32 blocks of which the last has no residual, mask."""
    n, length, b, h, p, blocks = 4096, 320, 256, 512, 3, 32
    block = (b * h + h) + 2 * (1 + 2 * h) + (h * p + h) + 2 * (h * b + b)
    total = 2 * n * length + 2 * n + (n * b + b) + blocks * block - (h * b + b) + 1 + (b * n + n)
    with torch.device("meta"):
        assert count_parameters(ConvTasNet()) == total == 17_346_625


def test_multiply_accumulates_of_a_second():
    """101 frames: every parameter but norms and biases once a frame, on taps that may fall on padding."""
    n, length, b, h, p = 4096, 320, 256, 512, 3
    frame = 2 * n * length + 2 * n * b + 32 * (b * h + h * p + 2 * h * b) - h * b
    assert count_macs(ConvTasNet(), (torch.zeros(1, 16000),)) == 101 * frame


def test_forward_by_the_paper():
    """Figure 1 of Conv-TasNet in one function; gLN by its formula, kernels of five."""
    torch.manual_seed(0)
    model, wav = ConvTasNet(**TINY), torch.randn(1, 43)
    weights = dict(model.network.named_parameters())
    for weight in weights.values():
        torch.nn.init.normal_(weight.data, std=0.5)

    def norm(x, name):
        centred = x - x.mean()
        scaled = centred / (centred.square().mean() + 1e-8).sqrt()
        return scaled * weights[f"{name}.weight"][:, None] + weights[f"{name}.bias"][:, None]

    def conv(x, name, **options):
        return F.conv1d(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"), **options)

    def prelu(x, name):
        return torch.where(x > 0, x, weights[f"{name}.weight"] * x)

    padded = F.pad(wav, (4, 1 + 4))  # to whole hops, and half a filter on both sides
    encoded = conv(padded[None], "encoder", stride=L // 2)
    x, skips = conv(norm(encoded, "mask_generator.input_norm"), "mask_generator.input_conv"), 0
    for i in range(R * X):
        name, dilation = f"mask_generator.conv_layers.{i}", 2 ** (i % X)
        y = norm(prelu(conv(x, f"{name}.conv_layers.0"), f"{name}.conv_layers.1"), f"{name}.conv_layers.2")
        y = conv(y, f"{name}.conv_layers.3", padding=2 * dilation, dilation=dilation, groups=H)
        y = norm(prelu(y, f"{name}.conv_layers.4"), f"{name}.conv_layers.5")
        skips = skips + conv(y, f"{name}.skip_out")
        x = x + conv(y, f"{name}.res_out") if i < R * X - 1 else x
    mask = conv(prelu(skips, "mask_generator.output_prelu"), "mask_generator.output_conv").sigmoid()
    out = F.conv_transpose1d(mask * encoded, weights["decoder.weight"], stride=L // 2)[0, :, 4 : 4 + 43]
    torch.testing.assert_close(model(wav), out, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("mask", ["sigmoid", "relu"])
def test_in_chunks_with_kernels_of_five(mask):
    torch.manual_seed(0)
    model, wav = ConvTasNet(**TINY, mask=mask), torch.randn(1, 3001)
    with torch.inference_mode():
        torch.testing.assert_close(model.enhance(wav[0], 0.01), model(wav)[0], atol=1e-5, rtol=1e-4)


def test_a_full_temporary_folder_is_said(monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(InputError, match="GB are needed: No space left on device; set TMPDIR elsewhere"):
        ConvTasNet(**TINY).enhance(torch.randn(3000), 0.01)


@pytest.mark.parametrize("sizes", [{"filter_samples": 7}, {"kernel_size": 4}, {"mask": "softmax"}])
def test_sizes_that_cannot_be(sizes):
    with pytest.raises(InputError, match="the first must be even|must be one of sigmoid, relu"):
        ConvTasNet(**TINY | sizes)
