"""Speech-like and noise-like sounds, and formatted sets of them, for the benchmarks."""

import functools
import tempfile
from pathlib import Path

import numpy as np

from toolkit.io.ark import ArkWriter
from toolkit.io.datadir import write_table

FS = 16000


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    """Voiced syllables and pauses over breath, on the 16-bit grid, (N,) float32; it packs as speech does."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(min(seconds, 7.3) * FS)) / FS  # what is longer repeats it
    pitch = rng.uniform(90, 220)
    voiced = sum(np.sin(2 * np.pi * (pitch + 15 * np.sin(3 * t)) * k * t) / k for k in range(1, 16))
    syllables = np.maximum(0, np.sin(2 * np.pi * rng.uniform(2, 3) * t + rng.uniform(0, 6)))
    sound = 0.06 * voiced * syllables + 0.01 * rng.standard_normal(len(t)) * (0.1 + syllables)
    return np.resize(np.rint(32768 * sound) / 32768, round(seconds * FS)).astype(np.float32)


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """White noise on the 16-bit grid, (N,) float32."""
    sound = 0.05 * np.random.default_rng([seed, 1]).standard_normal(round(seconds * FS))
    return (np.rint(32768 * sound) / 32768).astype(np.float32)


def room(seconds: float, seed: int = 0) -> np.ndarray:
    """An impulse response: a direct path and a decaying tail, (N,) float32."""
    tail = np.random.default_rng([seed, 2]).standard_normal(round(seconds * FS))
    tail *= 0.05 * 10 ** (-3 * np.arange(len(tail)) / len(tail))
    tail[0] = 0.5
    return (np.rint(32768 * tail) / 32768).astype(np.float32)


def write_set(path: Path, sounds: dict[str, np.ndarray], utt2spk: dict[str, str] | None = None) -> Path:
    """A set as stage 2 leaves it: 16-bit flac in one ark."""
    with ArkWriter(path / "data" / "wav.1.ark") as ark:
        for key, samples in sounds.items():
            ark.write_audio(key, samples, FS)
    write_table(path / "wav.scp", ark.scp)
    write_table(path / "utt2spk", utt2spk or {key: key for key in sounds})
    write_table(path / "utt2num_samples", {key: len(samples) for key, samples in sounds.items()})
    return path


@functools.cache
def folder() -> Path:
    """A temporary folder that lasts as long as the process."""
    _KEPT.append(tempfile.TemporaryDirectory(prefix="voxsift-benchmark-"))
    return Path(_KEPT[-1].name)


_KEPT: list[tempfile.TemporaryDirectory] = []
