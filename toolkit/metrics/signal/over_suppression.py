"""Failures of target speaker extraction: speaker confusion, over-suppression and residual energy.

Over-suppression: Eskimez, Yoshioka, Wang, Wang, Chen and Huang, "Personalized speech enhancement: new models and
comprehensive evaluation", ICASSP 2022. Papers quote its definition without the STFT and the treatment of silent frames,
and with different exponents on the right-hand side; so these are arguments here.
"""

import numpy as np

from toolkit.metrics.signal.intrusive import Undefined, sounding


def speaker_confusion(to_target, to_interferer) -> np.ndarray:
    """Whether the output is closer to the interferer than to the target.

    Args:
        to_target: (...) SI-SDR of the outputs in dB, with the targets as reference.
        to_interferer: (...) the same with the interferers as reference.

    Returns:
        (...) 1.0 if so, else 0.0 (also for equal values), NaN if one of the two is NaN.
    """
    target, other = np.asarray(to_target, dtype=np.float64), np.asarray(to_interferer, dtype=np.float64)
    return np.where(np.isnan(target) | np.isnan(other), np.nan, (other > target).astype(np.float64))


def residual_energy(output: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """Energy of outputs relative to their mixtures in dB, for mixtures that should be removed completely.

    Args:
        output, mixture: (..., N) samples.

    Returns:
        (...) 10 log10(|output|^2 / |mixture|^2); -inf for a silent output, NaN for a silent mixture.
    """
    left, whole = (np.square(np.asarray(x, dtype=np.float64)).sum(-1) for x in (output, mixture))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, 10 * np.log10(left / whole), np.nan)


def false_alarm(residual, threshold_db: float = -10.0) -> np.ndarray:
    """Whether the residual energy of a mixture without the enrolled speaker exceeds a threshold.

    Args:
        residual: (...) :func:`residual_energy` in dB.
        threshold_db: the threshold; default: a tenth of the energy of the mixture.

    Returns:
        (...) 1.0 if so, else 0.0, NaN if the residual is NaN.
    """
    left = np.asarray(residual, dtype=np.float64)
    return np.where(np.isnan(left), np.nan, (left > threshold_db).astype(np.float64))


def over_suppressed(estimate, reference, p: float = 0.3, gamma: float = 0.1, threshold_power: float = 2.0):
    """Frames that lose too much of the reference: sum_f h(|S|^p - |E|^p)^2 > gamma sum_f |S|^(p k).

    h(x) = max(x, 0). With k = 2 both sides scale alike, so the result does not depend on the level. Some papers print
    k = 1, for which louder signals have more such frames.

    Args:
        estimate, reference: (..., T, F) magnitudes.
        threshold_power: k.

    Returns:
        (..., T) bool.
    """
    e, s = (np.abs(np.asarray(x, dtype=np.float64)) ** p for x in (estimate, reference))
    return np.square(np.maximum(s - e, 0)).sum(-1) > gamma * (s**threshold_power).sum(-1)


def tsos(
    estimate: np.ndarray,
    reference: np.ndarray,
    fs: int,
    frame_seconds: float = 0.02,
    hop_seconds: float = 0.01,
    silence_db: float | None = None,
    **how: float,
) -> float:
    """Target-speaker over-suppression: share of over-suppressed frames, in [0, 1].

    The STFT has a Hann window without normalisation and begins at the first sample; the last frame is zero-padded.

    Args:
        estimate, reference: (N,) samples in [-1, 1].
        fs: sampling rate in Hz.
        frame_seconds, hop_seconds: frame length and shift of the STFT.
        silence_db: skip frames whose reference is this many dB below its loudest frame; None: use all frames.
        how: p, gamma, threshold_power of :func:`over_suppressed`.

    Raises:
        Undefined: the reference is silent. (A silent estimate is over-suppressed.)
    """
    e, s = sounding(estimate, reference, silent_estimate=True)
    frame, hop = round(frame_seconds * fs), round(hop_seconds * fs)
    magnitudes = [_magnitudes(x, frame, hop) for x in (e, s)]
    lacking = over_suppressed(magnitudes[0], magnitudes[1], **how)
    if silence_db is not None:
        energy = np.square(magnitudes[1]).sum(-1)
        lacking = lacking[energy > energy.max() * 10 ** (-silence_db / 10)]
    if not len(lacking):
        raise Undefined("no frame of speech")
    return float(lacking.mean())


def _magnitudes(x: np.ndarray, frame: int, hop: int) -> np.ndarray:
    """(N,) -> (T, frame // 2 + 1)."""
    count = 1 + max(0, -(-(len(x) - frame) // hop))
    padded = np.pad(x, (0, (count - 1) * hop + frame - len(x)))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    frames = np.lib.stride_tricks.sliding_window_view(padded, frame)[::hop]
    return np.abs(np.fft.rfft(frames * window, axis=-1))
