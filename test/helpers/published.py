"""What others have published, as facts: names and shapes of their checkpoints, and their networks in plain functions.

``w`` are weights by their authors' names, ``x`` (1, F, T) normalised features of one utterance.
"""

import torch
from helpers.plain import conv, norm
from torch.nn import functional


def _batch_norm(name, channels):
    shapes = {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
    return shapes | {f"{name}.num_batches_tracked": ()}


def _layer(name, *shape):
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def speechbrain_shapes(mels=80, c=1024, mfa=3072, dim=192, se=128, attention=128, scale=8):
    """``speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN``, embedding_model.ckpt."""

    def tdnn(name, *shape):
        return _layer(f"{name}.conv.conv", *shape) | _batch_norm(f"{name}.norm.norm", shape[0])

    shapes = tdnn("blocks.0", c, mels, 5) | tdnn("mfa", mfa, 3 * c, 1) | tdnn("asp.tdnn", attention, 3 * mfa, 1)
    for block in ("blocks.1", "blocks.2", "blocks.3"):
        shapes |= tdnn(f"{block}.tdnn1", c, c, 1) | tdnn(f"{block}.tdnn2", c, c, 1)
        for group in range(scale - 1):
            shapes |= tdnn(f"{block}.res2net_block.blocks.{group}", c // scale, c // scale, 3)
        shapes |= _layer(f"{block}.se_block.conv1.conv", se, c, 1) | _layer(f"{block}.se_block.conv2.conv", c, se, 1)
    shapes |= _layer("asp.conv.conv", mfa, attention, 1) | _batch_norm("asp_bn.norm", 2 * mfa)
    return shapes | _layer("fc.conv", dim, 2 * mfa, 1)


def seed_ecapa_shapes(mels=80, c=1024, mfa=1536, dim=256, se=128, attention=128, scale=8):
    """``models.speakernet.ECAPA_TDNN`` of seed-pytorch, official_ecapatdnn.model."""
    shapes = _layer("conv1", c, mels, 5) | _batch_norm("bn1", c) | _layer("layer4", mfa, 3 * c, 1)
    for block in ("layer1", "layer2", "layer3"):
        for name in ("1", "3"):
            shapes |= _layer(f"{block}.conv{name}", c, c, 1) | _batch_norm(f"{block}.bn{name}", c)
        for group in range(scale - 1):
            shapes |= _layer(f"{block}.convs.{group}", c // scale, c // scale, 3)
            shapes |= _batch_norm(f"{block}.bns.{group}", c // scale)
        shapes |= _layer(f"{block}.se.se.1", se, c, 1) | _batch_norm(f"{block}.se.se.3", se)
        shapes |= _layer(f"{block}.se.se.4", c, se, 1)
    shapes |= _layer("attention.0", attention, 3 * mfa, 1) | _batch_norm("attention.2", attention)
    shapes |= _layer("attention.3", mfa, attention, 1) | _batch_norm("bn5", 2 * mfa) | _layer("fc6", dim, 2 * mfa)
    shapes |= _batch_norm("bn6", dim) | {"torchmfcc.0.flipped_filter": (1, 1, 2), "torchmfcc.1.dct_mat": (mels, mels)}
    shapes |= {"torchmfcc.1.MelSpectrogram.spectrogram.window": (400,)}
    return shapes | {"torchmfcc.1.MelSpectrogram.mel_scale.fb": (257, mels)}


def resnet_shapes(mels=64, channels=(32, 64, 128, 256), dim=512, blocks=(3, 4, 6, 3), attention=128):
    """``models.ResNetSE34V2`` of voxceleb_trainer and seed-pytorch, without what its trainer puts before the names."""
    shapes = _layer("conv1", channels[0], 1, 3, 3) | _batch_norm("bn1", channels[0])
    before = channels[0]
    for stage, (c, depth) in enumerate(zip(channels, blocks, strict=True), 1):
        for block in range(depth):
            at, width = f"layer{stage}.{block}", before if block == 0 else c
            shapes |= {f"{at}.conv1.weight": (c, width, 3, 3), f"{at}.conv2.weight": (c, c, 3, 3)}
            shapes |= _batch_norm(f"{at}.bn1", c) | _batch_norm(f"{at}.bn2", c)
            shapes |= _layer(f"{at}.se.fc.0", c // 8, c) | _layer(f"{at}.se.fc.2", c, c // 8)
            if block == 0 and stage > 1:
                shapes |= {f"{at}.downsample.0.weight": (c, width, 1, 1)} | _batch_norm(f"{at}.downsample.1", c)
        before = c
    wide = channels[-1] * mels // 8
    shapes |= _layer("attention.0", attention, wide, 1) | _batch_norm("attention.2", attention)
    shapes |= _layer("attention.3", wide, attention, 1) | _layer("fc", dim, 2 * wide)
    shapes |= {"torchfb.0.flipped_filter": (1, 1, 2), "torchfb.1.spectrogram.window": (400,)}
    return shapes | {"torchfb.1.mel_scale.fb": (257, mels)}


def drawn(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Random weights of these shapes: statistics and scales as after training."""
    generator, weights = torch.Generator().manual_seed(0), {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            weights[name] = torch.tensor(7)
        elif name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
            weights[name] = 0.5 + torch.rand(shape, generator=generator)
        else:
            fan = max(torch.Size(shape[1:]).numel(), 1) if name.endswith("weight") else 10
            weights[name] = torch.randn(shape, generator=generator) / fan**0.5
    return weights


def _deviation(weight, x, mean, floor):
    return (weight * (x - mean).square()).sum(2, keepdim=True).clamp(min=floor).sqrt()


def speechbrain_ecapa(w, x):
    """The network of ``speechbrain_shapes`` -> (1, D)."""

    def tdnn(name, x, dilation=1):
        reach = w[f"{name}.conv.conv.weight"].shape[2] // 2 * dilation
        x = functional.pad(x, (reach, reach), mode="reflect")
        x = functional.conv1d(x, w[f"{name}.conv.conv.weight"], w[f"{name}.conv.conv.bias"], dilation=dilation)
        return norm(w, f"{name}.norm.norm", x.relu())

    x, outputs = tdnn("blocks.0", x), []
    for number in (1, 2, 3):
        at, parts = f"blocks.{number}", []
        scale = 1 + sum(name.startswith(f"{at}.res2net_block.") and name.endswith("conv.weight") for name in w)
        for i, group in enumerate(tdnn(f"{at}.tdnn1", x).chunk(scale, 1)):
            heard = group if i < 2 else group + parts[-1]
            parts.append(tdnn(f"{at}.res2net_block.blocks.{i - 1}", heard, number + 1) if i else group)
        y = tdnn(f"{at}.tdnn2", torch.cat(parts, 1))
        gate = conv(w, f"{at}.se_block.conv1.conv", y.mean(2, keepdim=True)).relu()
        x = x + y * conv(w, f"{at}.se_block.conv2.conv", gate).sigmoid()
        outputs.append(x)
    x = tdnn("mfa", torch.cat(outputs, 1))
    mean = x.mean(2, keepdim=True)
    context = [mean, _deviation(1 / x.shape[2], x, mean, 1e-12)]
    hidden = tdnn("asp.tdnn", torch.cat([x, *(one.expand_as(x) for one in context)], 1)).tanh()
    weight = torch.softmax(conv(w, "asp.conv.conv", hidden), 2)
    mean = (weight * x).sum(2, keepdim=True)
    pooled = torch.cat((mean, _deviation(weight, x, mean, 1e-12)), 1)
    return conv(w, "fc.conv", norm(w, "asp_bn.norm", pooled))[:, :, 0]


def seed_ecapa(w, x):
    """The network of ``seed_ecapa_shapes`` -> (1, D); its context has the biased deviation."""

    def dilated(name, x, dilation):
        return functional.conv1d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=dilation, dilation=dilation)

    x, outputs = norm(w, "bn1", conv(w, "conv1", x).relu()), []
    for number in (1, 2, 3):
        at, parts = f"layer{number}", []
        inner = norm(w, f"{at}.bn1", conv(w, f"{at}.conv1", x).relu())
        *groups, last = inner.split(w[f"{at}.convs.0.weight"].shape[0], 1)
        for i, group in enumerate(groups):
            heard = group + parts[-1] if parts else group
            parts.append(norm(w, f"{at}.bns.{i}", dilated(f"{at}.convs.{i}", heard, number + 1).relu()))
        y = norm(w, f"{at}.bn3", conv(w, f"{at}.conv3", torch.cat([*parts, last], 1)).relu())
        gate = norm(w, f"{at}.se.se.3", conv(w, f"{at}.se.se.1", y.mean(2, keepdim=True)).relu())
        outputs.append(x + y * conv(w, f"{at}.se.se.4", gate).sigmoid())
        x = x + outputs[-1]
    x = conv(w, "layer4", torch.cat(outputs, 1)).relu()
    mean = x.mean(2, keepdim=True)
    context = [mean, _deviation(1 / x.shape[2], x, mean, 1e-4)]
    hidden = conv(w, "attention.0", torch.cat([x, *(one.expand_as(x) for one in context)], 1)).relu()
    weight = torch.softmax(conv(w, "attention.3", norm(w, "attention.2", hidden)), 2)
    square, mean = (weight * x**2).sum(2), (weight * x).sum(2)
    pooled = torch.cat((square, square - mean**2), 1).clamp(min=1e-4).sqrt()
    return functional.linear(norm(w, "bn5", pooled[:, :, None])[:, :, 0], w["fc6.weight"], w["fc6.bias"])


def resnet(w, x, floor):
    """The network of ``resnet_shapes`` -> (1, D); ``floor``: of the variance."""
    x = norm(w, "bn1", conv(w, "conv1", x[:, None]).relu())
    for stage in range(1, 5):
        block = 0
        while f"layer{stage}.{block}.conv1.weight" in w:
            at, step = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = norm(w, f"{at}.bn1", conv(w, f"{at}.conv1", x, step).relu())
            y = norm(w, f"{at}.bn2", conv(w, f"{at}.conv2", y))
            gate = y.mean((2, 3))
            for layer, function in ((0, torch.relu), (2, torch.sigmoid)):
                name = f"{at}.se.fc.{layer}"
                gate = function(functional.linear(gate, w[f"{name}.weight"], w[f"{name}.bias"]))
            if step == 2:
                x = norm(w, f"{at}.downsample.1", conv(w, f"{at}.downsample.0", x, step))
            x, block = (y * gate[:, :, None, None] + x).relu(), block + 1
    x = x.flatten(1, 2)
    hidden = norm(w, "attention.2", conv(w, "attention.0", x).relu())
    weight = torch.softmax(conv(w, "attention.3", hidden), 2)
    mean = (weight * x).sum(2)
    deviation = ((weight * x**2).sum(2) - mean**2).clamp(min=floor).sqrt()
    return functional.linear(torch.cat((mean, deviation), 1), w["fc.weight"], w["fc.bias"])
