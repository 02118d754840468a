"""Voice activity detection with Silero VAD.

The network is from the package silero-vad 6.2 (Silero Team, MIT). We run it with onnxruntime, because the package
itself imports torch and torchaudio. It reads windows of 32 ms at 8 or 16 kHz, each preceded by the end of the window
before, and keeps a state between windows.
"""

from functools import cache

import numpy as np

from toolkit.io.libraries import find_library
from toolkit.io.samples import resample
from toolkit.metrics.signal.intrusive import Undefined
from toolkit.metrics.signal.onnx_session import onnx_session

EXTRA = "vad"
WINDOW = 0.032  # seconds
_OVERLAP = 1 / 8  # share of the previous window that the network reads again
_BEGIN, _END = 0.5, 0.35  # speech begins at this probability, and ends below that one
_PAUSE, _SHORTEST, _MARGIN = 0.1, 0.25, 0.03  # seconds


def speech_probabilities(samples: np.ndarray, fs: int) -> np.ndarray:
    """(N,) samples in [-1, 1] at ``fs`` Hz -> (W,) probability of speech in each window of 32 ms, the last one padded.

    Rates other than 8 and 16 kHz are resampled to 16 kHz.

    Raises:
        Undefined: samples are not finite.
        InputError: onnxruntime or silero-vad is not installed, or its network cannot be read.
    """
    rate = fs if fs in (8000, 16000) else 16000
    x = np.asarray(resample(np.asarray(samples, dtype=np.float32), fs, rate), dtype=np.float32)
    if not np.isfinite(x).all():
        raise Undefined("estimate not finite")
    size = round(WINDOW * rate)
    before = round(_OVERLAP * size)
    count = -(-len(x) // size)
    padded = np.pad(x, (before, count * size - len(x)))
    session, state, rates = _session(), np.zeros((2, 1, 128), dtype=np.float32), np.array(rate)
    probabilities = np.zeros(count)
    for i in range(count):
        window = padded[None, i * size : (i + 1) * size + before]
        output, state = session.run(None, {"input": window, "state": state, "sr": rates})
        probabilities[i] = output[0, 0]
    return probabilities


def speech_intervals(samples: np.ndarray, fs: int) -> np.ndarray:
    """Begin and end of speech in seconds, (K, 2), in ascending order.

    Speech begins with a window of probability 0.5 or more and ends with one below 0.35, unless it continues within
    0.1 s. Intervals of at most 0.25 s are dropped; the others are extended by 30 ms at both ends. These are the
    defaults of get_speech_timestamps in the package.

    Args:
        samples: (N,) in [-1, 1].
        fs: sampling rate in Hz.

    Raises:
        Undefined: samples are not finite.
        InputError: the extra ``vad`` is not installed.

    Example::

        speech_intervals(np.zeros(16000), 16000)  # no speech: shape (0, 2)
    """
    seconds = len(samples) / fs
    is_speech = active_windows(speech_probabilities(samples, fs))
    edges = np.flatnonzero(np.diff(np.r_[False, is_speech, False])).reshape(-1, 2) * WINDOW
    edges[:, 1] = edges[:, 1].clip(max=seconds)
    edges = edges[edges[:, 1] - edges[:, 0] > _SHORTEST]
    return (edges + np.array([-_MARGIN, _MARGIN])).clip(0, seconds)


def active_windows(probabilities: np.ndarray) -> np.ndarray:
    """(W,) probabilities of speech -> (W,) bool: from 0.5 until below 0.35; pauses below 0.1 s count as speech.

    A pause lasts from the begin of its first window below 0.35 to the begin of its last one.
    """
    high, low = probabilities >= _BEGIN, probabilities < _END
    decided = np.maximum.accumulate(np.where(high | low, np.arange(len(high)), -1))
    active = (decided >= 0) & high[decided]
    edges = np.flatnonzero(np.diff(np.r_[True, active, True])).reshape(-1, 2)  # begin and end of non-speech
    for begin, end in edges:
        if begin > 0 and (np.flatnonzero(low[begin:end])[-1] * WINDOW) < _PAUSE:
            active[begin:end] = True
    return active


@cache
def _session():
    """The network."""
    return onnx_session(find_library("silero_vad", EXTRA) / "data" / "silero_vad.onnx", EXTRA)
