"""Timing of an extraction, without a reference signal: whether the output is speech when the enrolled speaker speaks.

Frames of 10 ms are compared without a collar: frame k is speech if its centre, (k + 1/2) 10 ms, is in a turn of the
annotation. Frames with overlapping speakers count as frames of the enrolled speaker.
:mod:`toolkit.metrics.signal.voice_activity` detects speech in the output. The REAL-TSE challenge (2026) uses such an
F1; its voice activity detector and frames may differ.
"""

import math

import numpy as np

from toolkit.metrics.signal.intrusive import Undefined
from toolkit.metrics.signal.voice_activity import speech_intervals

FRAME = 0.01  # seconds


def frame_labels(intervals: np.ndarray, seconds: float) -> np.ndarray:
    """(T,) bool for the 10 ms frames in ``seconds``: whether the centre is in one of the intervals.

    Args:
        intervals: (K, 2) begin (included) and end (excluded) in seconds; they may overlap.
        seconds: length of the signal; T is the number of frames with their centre in it.
    """
    labels = np.zeros(max(0, math.ceil(round(seconds / FRAME - 0.5, 6))), dtype=bool)
    # Round to nanoseconds: frame centres and most annotations are whole milliseconds.
    for begin, end in np.ceil(np.round(np.asarray(intervals) / FRAME - 0.5, 7)).clip(0).astype(int):
        labels[begin:end] = True
    return labels


def frame_scores(output: np.ndarray, reference: np.ndarray) -> tuple[float, float, float]:
    """``(F1, precision, recall)`` of frames, 0 to 1.

    TP frames are speech in both, FP in the output only, FN in the reference only: precision TP / (TP + FP), recall
    TP / (TP + FN), F1 2 TP / (2 TP + FP + FN). NaN if a denominator is 0.

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
    """``(F1, precision, recall)`` of the speech frames of an output, against the turns of the enrolled speaker.

    Args:
        estimate: (N,) samples in [-1, 1].
        turns: (K, 2) begin and end of the enrolled speaker's turns in seconds (:mod:`toolkit.io.rttm`).
        fs: sampling rate in Hz.

    Raises:
        Undefined: neither output nor annotation has speech, or the estimate is not finite.
        InputError: the extra ``vad`` is not installed.
    """
    seconds = len(estimate) / fs
    output, reference = (frame_labels(x, seconds) for x in (speech_intervals(estimate, fs), turns))
    if not output.any() and not reference.any():
        raise Undefined("no speech in estimate and annotation")
    return frame_scores(output, reference)
