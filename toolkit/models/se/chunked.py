"""Chunked inference with cross-fading, for models without an exact method."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from toolkit.io import cross_fade
from toolkit.nn.device import device_of


def overlapped(model: Callable[[Tensor], Tensor], wav: Tensor, chunk: int, overlap: int) -> Tensor:
    """As :func:`toolkit.io.cross_fade.overlapped`, with a network.

    Args:
        model: (B, N) -> (B, N).
        wav: (N,) samples.
        chunk, overlap: in samples.

    Returns:
        (N,) samples, on the device of ``wav``.
    """
    device = device_of(model) or wav.device

    def make(part: np.ndarray) -> np.ndarray:
        return model(torch.from_numpy(part)[None].to(device))[0].cpu().numpy()

    return torch.from_numpy(cross_fade.overlapped(make, wav.cpu().numpy(), chunk, overlap)).to(wav.device)
