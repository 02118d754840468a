"""Blocks of the extraction networks written down once more, as plain functions of a state dict: oracles for tests.

``w`` are weights by name, ``name`` a prefix in them, ``x`` (B, C, F, T) without padding, in evaluation mode.
"""

import torch
from helpers import plain
from torch.nn import functional


def activated(x):
    """ELU, then every map of every utterance to mean 0 and variance 1."""
    return standardised(torch.where(x > 0, x, torch.expm1(x)))


def standardised(x):
    """Every channel of every utterance to mean 0 and variance 1 over what follows."""
    over = tuple(range(2, x.dim()))
    variance, mean = torch.var_mean(x, over, correction=0, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def set_context(context, first, second):
    """W_1 = first, W_2 = second, no biases; normalisation that (almost) does nothing."""
    for layer in context:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.zeros_(layer.bias)
    convolutions = [layer for layer in context if isinstance(layer, torch.nn.Conv2d)]
    for layer, value in zip(convolutions, (first, second), strict=True):
        torch.nn.init.constant_(layer.weight, value)


def context(w, name, x, first=0):
    """1x1 - BN - ReLU - 1x1 - BN."""
    hidden = plain.norm(w, f"{name}.{first + 1}", plain.conv(w, f"{name}.{first}", x)).relu()
    return plain.norm(w, f"{name}.{first + 4}", plain.conv(w, f"{name}.{first + 3}", hidden))


def gate(w, name, x):
    """sigma(LA(x) + GA(x))."""
    pooled = context(w, f"{name}.global_context", x.mean((2, 3), keepdim=True), first=1)
    return torch.sigmoid(context(w, f"{name}.local_context", x) + pooled)


def cbam(w, name, x):
    """x' = x sigma(MLP(mean) + MLP(max)); x' sigma(conv([mean; max]))."""
    hidden = [plain.linear(w, f"{name}.mlp.0", pooled).relu() for pooled in (x.mean((2, 3)), x.amax((2, 3)))]
    x = x * torch.sigmoid(sum(plain.linear(w, f"{name}.mlp.2", one) for one in hidden))[:, :, None, None]
    return x * torch.sigmoid(plain.conv(w, f"{name}.conv", torch.stack((x.mean(1), x.amax(1)), 1)))


def attended(w, name, x):
    """The attention block that has weights of that name; x where none has."""
    if f"{name}.gate.local_context.0.weight" in w:
        return x * gate(w, f"{name}.gate", x)
    if f"{name}.squeeze.weight" in w:
        hidden = plain.linear(w, f"{name}.squeeze", x.mean((2, 3))).relu()
        return x * plain.linear(w, f"{name}.excite", hidden).sigmoid()[:, :, None, None]
    return cbam(w, name, x) if f"{name}.mlp.0.weight" in w else x


def integrated(w, name, interaction, mean):
    """Equations 5 to 7."""
    p = gate(w, f"{name}.first", interaction + mean)
    q = gate(w, f"{name}.second", p * interaction + (1 - p) * mean)
    return q * interaction + (1 - q) * mean


def dense(w, name, x):
    """Convolution blocks on all maps before them; x where there are none."""
    maps, block = [x], 0
    while f"{name}.{block}.0.weight" in w:
        maps.append(activated(plain.conv(w, f"{name}.{block}.0", torch.cat(maps, 1))))
        block += 1
    return maps[-1]


def temporal(w, name, x, layers, blocks):
    """(B, C, T): blocks x + 1x1(ELU(IN(depthwise(ELU(IN(x)))))), dilation 1, 2, 4, ..."""
    block = 0
    for _ in range(layers):
        for i in range(blocks):
            at = f"{name}.{block}.layers"
            hidden = functional.elu(standardised(x))
            taps, bias = w[f"{at}.2.weight"], w[f"{at}.2.bias"]
            hidden = functional.conv1d(hidden, taps, bias, padding=2**i, dilation=2**i, groups=x.shape[1])
            x = x + plain.conv(w, f"{at}.5", functional.elu(standardised(hidden)))
            block += 1
    return x


def pyramid(w, name, x):
    """Means over patches of 4, 8, 16, 32 beside the map; patches no longer than the map."""
    maps = [x]
    for i, size in enumerate((4, 8, 16, 32)):
        pooled = functional.avg_pool2d(x, (min(size, x.shape[2]), min(size, x.shape[3])))
        pooled = plain.conv(w, f"{name}.reduce.{i}", pooled)
        maps.append(functional.interpolate(pooled, x.shape[2:], mode="bilinear"))
    return plain.conv(w, f"{name}.merge", torch.cat(maps, 1))


def dpccn(w, name, x, tcn, speaker=None):
    """The U-Net on (B, C, F, T), F - 2 one less than a power of two; ``tcn``: its layers and blocks."""
    if f"{name}.stem.2.weight" in w:
        x = attended(w, f"{name}.stem.1", plain.conv(w, f"{name}.stem.0", x))
        x = functional.conv2d(x, w[f"{name}.stem.2.weight"], w[f"{name}.stem.2.bias"]).relu()
    else:
        x = functional.conv2d(x, w[f"{name}.stem.0.weight"], w[f"{name}.stem.0.bias"], padding=(0, 1)).relu()
    maps = [attended(w, f"{name}.encoder.0.1", dense(w, f"{name}.encoder.0.0", x))]
    while f"{name}.encoder.{len(maps)}.0.0.weight" in w:
        at = f"{name}.encoder.{len(maps)}"
        x = functional.conv2d(maps[-1], w[f"{at}.0.0.weight"], w[f"{at}.0.0.bias"], (2, 1), (0, 1))
        maps.append(attended(w, f"{at}.2", dense(w, f"{at}.1", activated(x))))
    x = maps[-1].flatten(1, 2)
    x = temporal(w, f"{name}.tcn", x if speaker is None else x * speaker[:, :, None], *tcn).view_as(maps[-1])
    for i, skip in enumerate(maps[:0:-1]):
        at = f"{name}.decoder.{i}"
        x = dense(w, f"{at}.dense", torch.cat((x, skip), 1))
        x = activated(
            functional.conv_transpose2d(x, w[f"{at}.up.conv.weight"], w[f"{at}.up.conv.bias"], (2, 1), (0, 1))
        )
    x = pyramid(w, f"{name}.pyramid", dense(w, f"{name}.last", torch.cat((x, maps[0]), 1)))
    return functional.conv_transpose2d(x, w[f"{name}.out.weight"], w[f"{name}.out.bias"], padding=(0, 1))


def speaker(w, name, x):
    """(B, F, T) -> (B, D): 1x1 - PReLU - gLN - depthwise - PReLU - gLN - 1x1 - mean."""

    def group(i, x):
        x = torch.where(x > 0, x, w[f"{name}.activation{i}.weight"] * x)
        return functional.group_norm(x, 1, w[f"{name}.norm{i}.weight"][:, 0], w[f"{name}.norm{i}.bias"][:, 0], 1e-8)

    x = group(1, plain.conv(w, f"{name}.expand", x))
    taps, bias = w[f"{name}.depthwise.weight"], w[f"{name}.depthwise.bias"]
    x = group(2, functional.conv1d(x, taps, bias, padding=1, groups=x.shape[1]))
    return plain.conv(w, f"{name}.project", x).mean(2)


# Constructor arguments of a SEF-PNet that takes no time.
TINY_SEFPNET = {
    "hop": 128,
    "stem_channels": 2,
    "dense_channels": [2, 2, 2],
    "conv_channels": [4, 4, 4],
    "dense_depth": 1,
    "tcn_layers": 1,
    "tcn_blocks": 2,
    "mix_channels": 4,
    "integration_channels": 4,
}
