"""Processing of a recording in overlapping blocks."""

from collections.abc import Callable

import numpy as np


def overlapped(make: Callable[[np.ndarray], np.ndarray], wav: np.ndarray, chunk: int, overlap: int) -> np.ndarray:
    """Process a recording in overlapping chunks with linear cross-fading.

    Args:
        make: (M,) -> (M,).
        wav: (N,) samples; at most ``chunk`` of them are processed at once.
        chunk: length of a chunk in samples.
        overlap: overlap of neighbouring chunks in samples, at most half a chunk.

    Returns:
        (N,) samples.
    """
    if len(wav) <= chunk:
        return make(wav)
    fade = np.linspace(0, 1, overlap + 2, dtype=wav.dtype)[1:-1]
    out = np.zeros_like(wav)
    for start in range(0, len(wav) - overlap, chunk - overlap):
        part = np.array(make(wav[start : start + chunk]))
        if start:
            part[:overlap] *= fade
        if start + chunk < len(wav):
            part[-overlap:] *= 1 - fade
        out[start : start + chunk] += part
    return out
