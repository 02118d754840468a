"""Long recordings in bounded memory, for models without a better method."""

from collections.abc import Callable

import torch
from torch import Tensor

from toolkit.nn.device import device_of


def overlapped(model: Callable[[Tensor], Tensor], wav: Tensor, chunk: int, overlap: int) -> Tensor:
    """Enhance a recording in chunks; where two overlap, one fades out linearly while the other fades in.

    Args:
        model: (B, N) -> (B, N).
        wav: (N,) samples.
        chunk: samples of a chunk.
        overlap: samples which two neighbours share, at most half a chunk.

    Returns:
        (N,) samples, where ``wav`` lies.
    """
    device = device_of(model) or wav.device
    if len(wav) <= chunk:
        return model(wav[None].to(device))[0].to(wav.device)
    fade = torch.linspace(0, 1, overlap + 2, device=wav.device, dtype=wav.dtype)[1:-1]
    out = torch.zeros_like(wav)
    hop = chunk - overlap
    for start in range(0, len(wav) - overlap, hop):
        part = model(wav[None, start : start + chunk].to(device))[0].to(wav.device)
        if start:
            part[:overlap] *= fade
        if start + chunk < len(wav):
            part[-overlap:] *= 1 - fade
        out[start : start + chunk] += part
    return out
