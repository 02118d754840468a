"""Samples in memory: resampling, integers to floats, and which recordings cannot be used."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from toolkit.io.errors import InputError

# Limits of a network's input. Audio below eight frames of 25 ms holds too little of a voice. A peak 18 dB above full
# scale means samples on an integer scale: recordings of floats in [-1, 1] do not reach it.
LEAST_SECONDS = 0.1
LOUDEST = 8.0


def from_integers(pcm: np.ndarray) -> np.ndarray:
    """Signed integers -> float32 in [-1, 1), scaled as by libsndfile."""
    samples = pcm.astype(np.float32)
    samples *= np.float32(2.0 ** (1 - 8 * pcm.itemsize))
    return samples


def resample(samples: np.ndarray, rate: float, fs: float, method: str = "soxr") -> np.ndarray:
    """(N,) at ``rate`` Hz -> (N * fs / rate rounded up,) at ``fs`` Hz.

    Args:
        method: ``soxr`` (high quality), or ``polyphase``: scipy's resample_poly, used by published corpora. Its short
            filter passes some energy above the new band.
    """
    if rate == fs:
        return samples
    if method == "polyphase":
        from scipy.signal import resample_poly

        return resample_poly(samples.astype(np.float64), fs, rate).astype(np.float32)
    import soxr

    # soxr rounds to the nearest length and assumes zeros after the end, so one more output sample costs nothing.
    padded = np.pad(samples, (0, math.ceil(rate / fs)))
    return soxr.resample(padded, rate, fs)[: math.ceil(len(samples) * fs / rate)]


def resampled_blocks(blocks: Iterable[np.ndarray], rate: int, fs: int) -> Iterator[np.ndarray]:
    """Consecutive blocks (N_i,) of a recording at ``rate`` Hz -> blocks at ``fs`` Hz: together :func:`resample`."""
    if rate == fs:
        yield from blocks
        return
    import soxr

    stream, length, made = soxr.ResampleStream(rate, fs, 1, dtype="float32"), 0, 0
    for block in blocks:
        length += len(block)
        out = stream.resample_chunk(np.ascontiguousarray(block, np.float32))
        made += len(out)
        if len(out):
            yield out
    rest = stream.resample_chunk(np.zeros(math.ceil(rate / fs), np.float32), last=True)
    yield rest[: max(0, math.ceil(length * fs / rate) - made)]


def unusable(samples: np.ndarray, fs: int, least: float = LEAST_SECONDS) -> str:
    """Why a recording cannot be used; empty if it can. All readers share this rule.

    Args:
        samples: (N,) floats.
        fs: rate in Hz.
        least: minimum length in seconds.
    """
    low, high = (float(samples.min()), float(samples.max())) if len(samples) else (0.0, 0.0)
    # On the 16-bit grid, which the format stage writes: a signal that is zero there is silent in any format.
    if low * 32768 >= -0.5 and high * 32768 <= 0.5 and len(samples):
        return "is digital silence"
    if len(samples) < max(1, least * fs):
        return f"lasts {len(samples) / fs:.4f} s, expected at least {least:g} s (a few frames of 25 ms)"
    if not (math.isfinite(low) and math.isfinite(high)):
        return "holds NaN or infinite samples"
    if (peak := max(-low, high)) > LOUDEST:
        return (
            f"peaks at {peak:.4g}, far beyond full scale: samples must lie in [-1, 1]; divide integer samples by their "
            "full scale (16 bits: 32768)"
        )
    return f"is constant ({low:.3g}) and holds no sound" if round(low * 32768) == round(high * 32768) else ""


def check_usable(samples: np.ndarray, fs: int, what: str, remedy: str = "", least: float = LEAST_SECONDS) -> None:
    """Raise InputError, which begins with ``what``, if a recording is :func:`unusable`."""
    if why := unusable(samples, fs, least):
        raise InputError(f"{what} {why}{remedy and f'; {remedy}'}")
