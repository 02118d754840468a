"""Sources of Libri2Mix: LibriSpeech utterances, and WHAM noises extended to the length of their mixtures."""

import math
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

from toolkit.io.atomic import replacing_path
from toolkit.io.audio import file_info, read_file
from toolkit.io.errors import InputError

RATE = 16000  # of the sources
FADE = 8001  # overlap of repetitions of a short noise in samples: half of a Hann window of 1 s
_SPED = re.compile(r"sp(08|12)(\.wav)$")


@cache
def length_of(path: Path) -> int:
    """Samples of a recording.

    Raises:
        InputError: the file cannot be read, or is not at 16 kHz.
    """
    info = file_info(path)
    if info.rate != RATE:
        raise InputError(f"{path}: is at {info.rate} Hz, expected {RATE} Hz; download the corpus again")
    return info.frames


def at_rate(samples: int, fs: int) -> int:
    """Length at ``fs`` Hz of a number of samples at 16 kHz, after resampling."""
    return math.ceil(samples * fs / RATE)


def unsped(path: Path) -> tuple[Path, float]:
    """Source and speed of a noise: ``x.wav`` and 0.8 for ``xsp08.wav``, if ``xsp08.wav`` does not exist."""
    sped = _SPED.search(path.name)
    if path.is_file() or not sped:
        return path, 1.0
    return path.with_name(_SPED.sub(r"\2", path.name)), int(sped[1]) / 10


def extended(noise: np.ndarray, length: int) -> np.ndarray:
    """A noise (N,) repeated to ``length`` samples; the repetitions fade into each other over half a second.

    Raises:
        InputError: the noise is shorter than two fades.
    """
    if len(noise) < 2 * FADE:
        raise InputError(f"has {len(noise)} samples, too few to be repeated over {length}")
    rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(FADE) / (FADE - 1))
    hop = len(noise) - FADE
    copies = max(1, math.ceil((length - FADE) / hop))
    out = np.zeros(copies * hop + FADE)
    for number in range(copies):
        copy = noise.astype(np.float64)
        if number > 0:
            copy[:FADE] *= rise
        if number < copies - 1:
            copy[-FADE:] *= rise[::-1]
        out[number * hop :][: len(noise)] += copy
    return out[:length]


def make_noise(job: tuple[Path, Path, int]) -> None:
    """Write the noise of one mixture: ``(file to write, recording that the metadata names, length in samples)``.

    Keeps an existing file of this length that is not older than the recording, so that later stages need not run again.
    """
    import soundfile

    target, path, length = job
    recording, speed = unsped(path)
    if _is_made(target, recording, length):
        return
    samples, _ = read_file(recording, channel=0)
    if speed != 1.0:
        import soxr

        samples = soxr.resample(samples, speed * 1e4, 1e4)
    try:
        samples = extended(samples, length) if len(samples) < length else samples[:length]
    except InputError as error:
        raise InputError(f"{recording}: {error}; download it again") from None
    with replacing_path(target) as aside:
        soundfile.write(aside, samples, RATE, format="FLAC", subtype="PCM_24")


def make_source(job: tuple[Path, Path, float, int]) -> None:
    """Write a source as it is in a mixture cut to the shorter: ``(file to write, recording, gain, length)``."""
    import soundfile

    target, path, gain, length = job
    if _is_made(target, path, length):
        return
    samples, _ = read_file(path, channel=0)
    with replacing_path(target) as aside:
        soundfile.write(aside, samples[:length] * gain, RATE, format="FLAC", subtype="PCM_24")


def _is_made(target: Path, source: Path, length: int) -> bool:
    """Whether the file exists with this length and is not older than its source."""
    if not target.is_file() or target.stat().st_mtime < source.stat().st_mtime:
        return False
    return length_of.__wrapped__(target) == length


def power(job: tuple[Path, float, int]) -> float:
    """Mean square of the beginning of a recording: ``(file, gain, samples)``."""
    path, gain, length = job
    samples, _ = read_file(path, channel=0)
    return gain**2 * float(np.square(samples[:length], dtype=np.float64).mean())


def mapped(function, jobs: Iterable, workers: int, what: str) -> list:
    """Results of ``function`` on jobs, in order, computed by several processes."""
    from toolkit.io.processes import process_pool
    from toolkit.io.progress import progress

    jobs, results = list(jobs), []
    with progress(len(jobs), what, "file") as bar:
        if workers < 2 or len(jobs) < 100:
            for job in jobs:
                results.append(function(job))
                bar.update()
            return results
        with process_pool(workers, function.__module__) as pool:
            for result in pool.map(function, jobs, chunksize=16):
                results.append(result)
                bar.update()
    return results
