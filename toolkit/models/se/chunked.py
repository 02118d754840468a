"""Chunked inference with cross-fading, for models without an exact method."""

from collections.abc import Callable

import torch
from torch import Tensor

from toolkit.nn.device import device_of


def overlapped(model: Callable[[Tensor], Tensor], wav: Tensor, chunk: int, overlap: int) -> Tensor:
    """Enhance a recording in overlapping chunks with linear cross-fading.

    Args:
        model: (B, N) -> (B, N).
        wav: (N,) samples.
        chunk: length of a chunk in samples.
        overlap: overlap of neighbouring chunks in samples, at most half a chunk.

    Returns:
        (N,) samples, on the device of ``wav``.
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
