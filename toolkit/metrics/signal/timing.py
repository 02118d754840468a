"""Timing of an extraction: does the output speak when the enrolled speaker does? It needs no reference signal.

Frames of 10 ms are compared, without a collar: frame k is speech if its centre, (k + 1/2) 10 ms, lies in a turn; the
annotation is taken at its word. A frame in which others speak as well is the enrolled speaker's all the same. The
speech of the output is found by :mod:`toolkit.metrics.signal.voice_activity`. The REAL-TSE challenge (2026) has such an
F1 among its scores; its own voice activity detector and frames may differ.
"""

import math

import numpy as np

from toolkit.metrics.signal.intrusive import Undefined
from toolkit.metrics.signal.voice_activity import speech_intervals

FRAME = 0.01  # seconds


def frame_labels(intervals: np.ndarray, seconds: float) -> np.ndarray:
    """Frames of 10 ms in ``seconds`` -> (T,) bool: does the centre lie in one of the intervals?

    Args:
        intervals: (K, 2) begins and ends in seconds; they may overlap. A begin is in its interval, an end is not.
        seconds: length of the signal; T are the frames whose centre it has.
    """
    labels = np.zeros(max(0, math.ceil(round(seconds / FRAME - 0.5, 6))), dtype=bool)
    # To the nanosecond: the centre of a frame is a number of milliseconds, as the times of most annotations are.
    for begin, end in np.ceil(np.round(np.asarray(intervals) / FRAME - 0.5, 7)).clip(0).astype(int):
        labels[begin:end] = True
    return labels


def frame_scores(output: np.ndarray, reference: np.ndarray) -> tuple[float, float, float]:
    """``(F1, precision, recall)`` of frames, 0 to 1.

    With TP frames that are speech in both, FP in the output alone, FN in the reference alone: precision TP / (TP + FP),
    recall TP / (TP + FN), F1 2 TP / (2 TP + FP + FN). One whose denominator is 0 is NaN.

    Args:
        output, reference: (T,) bool.

    Example::

        frame_scores(np.array([1, 1, 0, 0], bool), np.array([0, 1, 1, 1], bool))  # (0.4, 0.5, 0.333)
    """
    both, ours, theirs = (float(np.count_nonzero(x)) for x in (output & reference, output, reference))
    ratios = ((2 * both, ours + theirs), (both, ours), (both, theirs))
    f1, precision, recall = (part / whole if whole else math.nan for part, whole in ratios)
    return f1, precision, recall


def timing_scores(estimate: np.ndarray, turns: np.ndarray, fs: int) -> tuple[float, float, float]:
    """``(F1, precision, recall)`` of the frames in which an output speaks, against the enrolled speaker's turns.

    Args:
        estimate: (N,) samples in [-1, 1].
        turns: (K, 2) begins and ends of the enrolled speaker's speech in seconds (:mod:`toolkit.io.rttm`).
        fs: in Hz.

    Raises:
        Undefined: neither of the two speaks, or the estimate is not finite.
        InputError: the extra ``vad`` is not installed.
    """
    seconds = len(estimate) / fs
    output, reference = (frame_labels(x, seconds) for x in (speech_intervals(estimate, fs), turns))
    if not output.any() and not reference.any():
        raise Undefined("no speech in estimate and annotation")
    return frame_scores(output, reference)
