"""Faults in the extraction of one talker: the wrong talker, too little of the right one, or residual energy.

Over-suppression: Eskimez, Yoshioka, Wang, Wang, Chen and Huang, "Personalized speech enhancement: new models and
comprehensive evaluation", ICASSP 2022. Papers quote its definition without the STFT, the treatment of silent frames
and, not all alike, the exponent of its right-hand side; so these are arguments.
"""

import numpy as np

from toolkit.metrics.signal.intrusive import Undefined, sounding


def speaker_confusion(to_target, to_interferer) -> np.ndarray:
    """Is the output nearer to the interferer than to the target?

    Args:
        to_target: (...) SI-SDR in dB of outputs to their targets.
        to_interferer: (...) to the interferers.

    Returns:
        (...) 1.0 where it is, 0.0 where not (so too where both are equally near), NaN where one of the two is NaN.
    """
    target, other = np.asarray(to_target, dtype=np.float64), np.asarray(to_interferer, dtype=np.float64)
    return np.where(np.isnan(target) | np.isnan(other), np.nan, (other > target).astype(np.float64))


def residual_energy(output: np.ndarray, mixture: np.ndarray) -> np.ndarray:
    """Energy of outputs relative to their mixtures, in dB: how much is left of what ought to be removed entirely.

    Args:
        output, mixture: (..., N) samples.

    Returns:
        (...) 10 log10(|output|^2 / |mixture|^2); -inf of a silent output, NaN of a silent mixture.
    """
    left, whole = (np.square(np.asarray(x, dtype=np.float64)).sum(-1) for x in (output, mixture))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, 10 * np.log10(left / whole), np.nan)


def false_alarm(residual, threshold_db: float = -10.0) -> np.ndarray:
    """Is more left of a mixture without the enrolled speaker than may be?

    Args:
        residual: (...) :func:`residual_energy` in dB.
        threshold_db: of what may be left; a tenth of the mixture's energy.

    Returns:
        (...) 1.0 where there is, 0.0 where not, NaN where the residual is NaN.
    """
    left = np.asarray(residual, dtype=np.float64)
    return np.where(np.isnan(left), np.nan, (left > threshold_db).astype(np.float64))


def over_suppressed(estimate, reference, p: float = 0.3, gamma: float = 0.1, threshold_power: float = 2.0):
    """Which frames lack more of the reference than may be: sum_f h(|S|^p - |E|^p)^2 > gamma sum_f |S|^(p k).

    h(x) = max(x, 0). With k = 2 both sides are of one power, so that level does not matter. Papers quote k = 1 too, by
    which the same signals, only louder, have more such frames.

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
    """Target-speaker over-suppression: the part of the frames that are over-suppressed, in [0, 1].

    The STFT has a Hann window, whose sum is not divided by, and begins at the first sample; the last frame is filled up
    with zeros.

    Args:
        estimate, reference: (N,) samples in [-1, 1].
        fs: in Hz.
        frame_seconds, hop_seconds: of the STFT.
        silence_db: leave out frames whose reference is this many dB below its loudest frame; None: all count.
        how: p, gamma, threshold_power of :func:`over_suppressed`.

    Raises:
        Undefined: the reference is silent. A silent estimate is over-suppressed.
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
