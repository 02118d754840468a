"""Blocks of the networks written down once more, as plain functions of a state dict: oracles for tests.

``w`` are weights by name, ``name`` a prefix in them, ``x`` (B, C, F, T) without padding, in evaluation mode.
"""

import torch
from torch.nn import functional


def after_training(module: torch.nn.Module) -> torch.nn.Module:
    """Random statistics, scales and shifts: a mask, a normalisation or an order that is wrong would show."""
    for norm in (m for m in module.modules() if isinstance(m, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d)):
        for values in (norm.bias, norm.running_mean):
            torch.nn.init.normal_(values, std=0.3)
        for values in (norm.weight, norm.running_var):
            torch.nn.init.uniform_(values, 0.5, 2)
    return module.eval()


def conv(w, name, x, stride=1):
    """Convolution of an odd kernel, padded by half of it."""
    weight = w[f"{name}.weight"]
    convolve = functional.conv2d if weight.dim() == 4 else functional.conv1d
    return convolve(x, weight, w.get(f"{name}.bias"), stride, weight.shape[-1] // 2)


def norm(w, name, x):
    """Batch normalisation with the running statistics."""
    mean, variance, scale, shift = (
        w[f"{name}.{part}"].view(1, -1, *[1] * (x.dim() - 2))
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / torch.sqrt(variance + 1e-5) * scale + shift


def linear(w, name, x):
    """Linear layer with bias."""
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def doubled(w, name, x):
    """Transposed convolution whose kernel is its stride: every cell becomes a patch of its own."""
    patches = torch.einsum("bcft,coij->bofitj", x, w[f"{name}.weight"])
    return patches.flatten(4, 5).flatten(2, 3)


def stem(w, name, x):
    """7x7 convolution, halving frequency - BN - ReLU."""
    return norm(w, f"{name}.1", conv(w, f"{name}.0", x, (2, 1))).relu()


def se_stage(w, name, x, stride=1):
    """SE-ResNet blocks: conv - ReLU - BN - conv - BN - SE, + shortcut, ReLU."""
    block = 0
    while f"{name}.{block}.conv1.weight" in w:
        at, step = f"{name}.{block}", stride if block == 0 else 1
        y = norm(w, f"{at}.norm1", conv(w, f"{at}.conv1", x, step).relu())
        y = norm(w, f"{at}.norm2", conv(w, f"{at}.conv2", y))
        gate = linear(w, f"{at}.se.excite", linear(w, f"{at}.se.squeeze", y.mean((2, 3))).relu()).sigmoid()
        if f"{at}.shortcut.0.weight" in w:
            x = norm(w, f"{at}.shortcut.1", conv(w, f"{at}.shortcut.0", x, step))
        x, block = (y * gate[:, :, None, None] + x).relu(), block + 1
    return x


def fused(w, name, x, y):
    """Attentional feature fusion: x g + y (2 - g), g = 1 + tanh(BN(W_2 SiLU(BN(W_1 [x; y]))))."""
    hidden = norm(w, f"{name}.attention.1", conv(w, f"{name}.attention.0", torch.cat((x, y), 1)))
    g = 1 + torch.tanh(norm(w, f"{name}.attention.4", conv(w, f"{name}.attention.3", hidden * hidden.sigmoid())))
    return x * g + y * (2 - g)


def res2net_block(w, name, x, stride=1):
    """1x1 - groups one after the other - 1x1, + shortcut; rectifiers clipped at 20."""
    inner = norm(w, f"{name}.reduce.1", conv(w, f"{name}.reduce.0", x, stride)).clamp(0, 20)
    width = w[f"{name}.groups.0.0.weight"].shape[0]
    before, outputs = None, []
    for i in range(inner.shape[1] // width):
        part = inner[:, i * width : (i + 1) * width]
        if before is not None:
            fusion = f"{name}.fusions.{i - 1}"
            part = fused(w, fusion, before, part) if f"{fusion}.attention.0.weight" in w else before + part
        before = norm(w, f"{name}.groups.{i}.1", conv(w, f"{name}.groups.{i}.0", part)).clamp(0, 20)
        outputs.append(before)
    y = norm(w, f"{name}.expand.1", conv(w, f"{name}.expand.0", torch.cat(outputs, 1)))
    if f"{name}.shortcut.0.weight" in w:
        x = norm(w, f"{name}.shortcut.1", conv(w, f"{name}.shortcut.0", x, stride))
    return (y + x).clamp(0, 20)


def res2net_stage(w, name, x, stride=1):
    """Res2Net blocks, the first with the stride."""
    block = 0
    while f"{name}.{block}.reduce.0.weight" in w:
        x, block = res2net_block(w, f"{name}.{block}", x, stride if block == 0 else 1), block + 1
    return x


def attentive_statistics(w, name, x):
    """(B, C, T) -> (B, 2C): mean and deviation weighted by softmax_T(W_2 BN(ReLU(W_1 x)))."""
    hidden = norm(w, f"{name}.norm", conv(w, f"{name}.frame_projection", x).relu())
    weight = torch.softmax(conv(w, f"{name}.logits", hidden), 2)
    mean = (weight * x).sum(2)
    return torch.cat((mean, ((weight * x**2).sum(2) - mean**2).clamp(min=1e-5).sqrt()), 1)
