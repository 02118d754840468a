"""GTCRN: published size and cost, causality, streaming, and the network of the paper written down once more."""

import math

import pytest
import torch
import torch.nn.functional as F
from helpers.plain import after_training
from torch import nn

from toolkit.io.errors import InputError
from toolkit.metrics.cost.complexity import count_parameters, evaluating
from toolkit.models.se.gtcrn import GTCRN

SMALL = {"window": 64, "hop": 32, "low_bins": 9, "erb_bands": 8, "channels": 8}


def small(**changes) -> GTCRN:
    torch.manual_seed(0)
    return after_training(GTCRN(**SMALL | changes))


def test_parameters_of_the_paper():
    """23.7 k that are trained (section 3.2); with the fixed filters 48.2 k (repository)."""
    with torch.device("meta"):
        model = GTCRN()
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert round(trained / 1e3, 1) == 23.7
    assert round(count_parameters(model) / 1e3, 1) == 48.2


def operations(layer: nn.Module, x: torch.Tensor, y) -> int:
    """By the rules of ptflops, which the repository counts by: biases, normalisation and activations, too."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):  # a transposed one at every output
        return y.numel() * (layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1] // layer.groups + 1)
    if isinstance(layer, nn.GRU):
        cell = layer.hidden_size * (3 * (layer.input_size + layer.hidden_size) + 6 + 7)
        return x.shape[0] * x.shape[1] * (1 + layer.bidirectional) * cell
    if isinstance(layer, nn.Linear):
        return y.numel() * (layer.in_features + 1)
    return y.numel() * {nn.BatchNorm2d: 2, nn.PReLU: 1}.get(type(layer), 0) if torch.is_tensor(y) else 0


def test_operations_of_a_second_are_the_published_33_million():
    """The repository's second: 63 frames. Bands: three maps in, two out, 192 bins by 64 bands."""
    model, total = GTCRN(), 0

    def add(layer, inputs, output):
        nonlocal total
        total += operations(layer, inputs[0], output)

    for layer in model.modules():
        if not list(layer.children()):
            layer.register_forward_hook(add)
    with evaluating(model):
        model(torch.zeros(1, 61 * 256))
    assert model.stft.num_frames(61 * 256) == 63
    assert round((total + 63 * (3 + 2) * 192 * 64) / 1e6, 1) == 33.0


def test_the_bands_lose_no_energy_and_are_even_on_the_erb_scale():
    """Weights of a bin add up to 1; a band begins at the peak of the one before, which is as far as the slope says.

    d/df 21.4 log10(1 + 0.00437 f), integrated by steps of 1 Hz from 65 bins to 8 kHz, is 63 distances.
    """
    filters = GTCRN().merge
    torch.testing.assert_close(filters.sum(0), torch.ones(192))
    torch.testing.assert_close(filters.amax(1), torch.ones(64))
    peaks = filters.argmax(1)
    assert (peaks[0], peaks[-1]) == (0, 191)
    slope = 21.4 / math.log(10) * 0.00437 / (1 + 0.00437 * torch.arange(65 * 31.25, 8000))
    distances = slope.sum() / 63 / slope[(peaks[:-1] * 31.25).long()] / 31.25
    assert (peaks.diff() - distances).abs().max() < 1


@pytest.mark.parametrize("window", [64, 512])
def test_an_output_sample_looks_a_window_ahead_and_no_further(window):
    model, wav = small() if window == 64 else after_training(GTCRN()), 0.1 * torch.randn(1, 4000)
    changed = torch.cat((wav[:, :2500], torch.randn(1, 1500)), 1)
    with torch.no_grad():
        differ = (model(wav) != model(changed))[0].nonzero()
    assert 2500 - window <= int(differ[0]) < 2500


@pytest.mark.parametrize("samples", [1, 31, 32, 33, 95, 1000])
@pytest.mark.parametrize("size", [1, 32, 45, 2000])
def test_streaming_is_forward(samples, size):
    model, wav = small(), 0.1 * torch.randn(samples)
    with torch.no_grad():
        torch.testing.assert_close(torch.cat(list(model.stream(wav.split(size)))), model(wav[None])[0])


def test_streaming_gives_samples_as_soon_as_they_are_complete():
    """A chunk of a hop in, a hop out, as long behind as a window less a hop; empty chunks change nothing."""
    model, heard = small(window=128), []

    def arriving():
        for count in (32, 0, 32, 32, 40, 24, 32, 5):
            heard.append(count)
            yield 0.1 * torch.randn(count)

    given = [(sum(heard), len(part)) for part in model.stream(arriving())]
    assert given == [(136, 32), (160, 32), (192, 32), (197, 101)]


def gru(w, name, x, suffix="l0"):
    """One direction over (B, T, C), cell by cell."""
    hidden, out = torch.zeros(len(x), w[f"{name}.weight_hh_{suffix}"].shape[1], dtype=x.dtype), []
    for frame in x.unbind(1):
        new = (frame @ w[f"{name}.weight_ih_{suffix}"].T + w[f"{name}.bias_ih_{suffix}"]).chunk(3, 1)
        old = (hidden @ w[f"{name}.weight_hh_{suffix}"].T + w[f"{name}.bias_hh_{suffix}"]).chunk(3, 1)
        reset, update = (new[0] + old[0]).sigmoid(), (new[1] + old[1]).sigmoid()
        hidden = (1 - update) * torch.tanh(new[2] + reset * old[2]) + update * hidden
        out.append(hidden)
    return torch.stack(out, 1)


def sfe(x):
    """(B, C, T, F) -> (B, 3C, T, F): a band, the one below and the one above, of each channel."""
    return F.unfold(x, (1, 3), padding=(0, 1)).view(len(x), -1, *x.shape[2:])


def block(w, name, x, dilation, backwards):
    """Figure 2, over (B, C, T, F); backwards by transposed convolutions."""

    def norm(x, name):
        statistics = (w[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *statistics)

    first, second = x.chunk(2, 1)
    x = torch.einsum("bctf,oc->botf", sfe(first), w[f"{name}.point.0.weight"][..., 0].flatten(1))
    x = F.prelu(norm(x + w[f"{name}.point.0.bias"][:, None, None], f"{name}.point.1"), w[f"{name}.point.2.weight"])
    x, kernel = F.pad(x, (0, 0, 2 * dilation, 0)), w[f"{name}.depth.0.weight"].transpose(2, 3)
    bias, options = w[f"{name}.depth.0.bias"], {"dilation": (dilation, 1), "groups": x.shape[1]}
    if backwards:
        x = F.conv_transpose2d(x, kernel.flip(2, 3), bias, padding=(2 * dilation, 1), **options)
    else:
        x = F.conv2d(x, kernel, bias, padding=(0, 1), **options)
    x = F.prelu(norm(x, f"{name}.depth.1"), w[f"{name}.depth.2.weight"])
    x = norm(F.conv2d(x, w[f"{name}.out.0.weight"], w[f"{name}.out.0.bias"]), f"{name}.out.1")
    hidden = gru(w, f"{name}.attention.gru", (x**2).mean(3).transpose(1, 2))
    gate = (hidden @ w[f"{name}.attention.gate.weight"].T + w[f"{name}.attention.gate.bias"]).sigmoid()
    x = x * gate.transpose(1, 2)[..., None]
    return torch.stack((x, second), 2).reshape(len(x), -1, *x.shape[2:])


def dual_path(w, name, x):
    """Figure 3, over (B, C, T, F)."""

    def path(number, y):
        y = (y @ w[f"{name}.mix.{number}.weight"].T + w[f"{name}.mix.{number}.bias"]).view(y.shape)
        return F.layer_norm(y, y.shape[2:], w[f"{name}.norms.{number}.weight"], w[f"{name}.norms.{number}.bias"], 1e-8)

    (batch, channels, frames, bands), x, parts = x.shape, x.permute(0, 2, 3, 1), []
    for group, part in enumerate(x.reshape(-1, bands, channels).chunk(2, 2)):
        parts.append(gru(w, f"{name}.intra.{group}", part))
        parts.append(gru(w, f"{name}.intra.{group}", part.flip(1), "l0_reverse").flip(1))
    x = x + path(0, torch.cat(parts, 2).view(x.shape))
    over_time = x.transpose(1, 2).reshape(-1, frames, channels).chunk(2, 2)
    parts = [gru(w, f"{name}.inter.{group}", part) for group, part in enumerate(over_time)]
    x = x + path(1, torch.cat(parts, 2).view(batch, bands, frames, channels).transpose(1, 2))
    return x.permute(0, 3, 1, 2)


@pytest.mark.parametrize("samples", [1, 500])
def test_forward_by_the_paper(samples):
    model = small().double()
    w, wav = model.state_dict(), 0.1 * torch.randn(2, samples, dtype=torch.float64)
    spectrum = model.stft(wav)[0].transpose(2, 3)
    x = torch.cat((spectrum.square().sum(1, keepdim=True).sqrt(), spectrum), 1)
    x = sfe(torch.cat((x[..., :9], x[..., 9:] @ w["merge"].T), 3))
    kernel = w["down.0.0.weight"]  # of bands below, bands, bands above; here of each channel's three
    w["down.0.0.weight"] = kernel.view(8, 3, 3, 5, 1).transpose(1, 2).reshape(8, 9, 5, 1)
    maps = []
    for i in range(2):
        conv, norm, act = model.down[i]
        x = F.conv2d(x, w[f"down.{i}.0.weight"].transpose(2, 3), conv.bias, (1, 2), (0, 2), groups=conv.groups)
        x = act(norm(x))
        maps.append(x)
    for i, dilation in enumerate((1, 2, 5)):
        x = block(w, f"encoder.{i}", x, dilation, backwards=False)
        maps.append(x)
    x = dual_path(w, "bottleneck.1", dual_path(w, "bottleneck.0", x))
    for i, dilation in enumerate((5, 2, 1)):
        x = block(w, f"decoder.{i}", x + maps.pop(), dilation, backwards=True)
    for i in range(2):
        conv, norm, act = model.up[i]
        x, kernel = x + maps.pop(), conv.weight.transpose(2, 3)
        x = act(norm(F.conv_transpose2d(x, kernel, conv.bias, (1, 2), (0, 2), groups=conv.groups)))
    mask = torch.cat((x[..., :9], x[..., 9:] @ w["merge"]), 3)
    product = torch.complex(*mask.unbind(1)) * torch.complex(*spectrum.unbind(1))
    out = model.stft.inverse(torch.stack((product.real, product.imag), 1).transpose(2, 3), samples)
    torch.testing.assert_close(model(wav), out)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"channels": 10}, "channels 10: must be a multiple of 4"),
        ({"hop": 24}, "of hop 24"),
        ({"erb_bands": 9}, "multiple of 4"),
        ({"low_bins": 1, "erb_bands": 40}, "erb_bands 40: two bands"),
    ],
)
def test_sizes_that_cannot_be(wrong, message):
    with pytest.raises(InputError, match=message):
        small(**wrong)
