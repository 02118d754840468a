"""Intrusive metrics: comparison of an estimated signal with its reference.

Every metric returns a number or raises :class:`Undefined` with the reason. PESQ, STOI and SDR come from libraries;
other implementations differ in the second decimal. This file does not import torch.
"""

import importlib.util
import math
import sys
import warnings
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from types import ModuleType

import numpy as np

from toolkit.io.libraries import find_library, library
from toolkit.io.processes import process_pool

# The reference code of P.862 has an array for 50 utterances and writes beyond it. An utterance takes at least 0.4 s
# (200 ms of speech, 200 ms of pause), so signals shorter than this limit cannot crash.
_PESQ_SAFE_SECONDS = 20.0
_ROUNDING = 1e-14  # energy ratio (140 dB) at the limit of float64


class Undefined(ValueError):
    """A metric has no value for a pair of signals. The message is a short reason without numbers (for counting)."""


def sounding(estimate: np.ndarray, reference: np.ndarray, silent_estimate: bool = False):
    """Both signals as float64, checked.

    Args:
        estimate, reference: (N,) samples.
        silent_estimate: accept a silent estimate.

    Raises:
        Undefined: a signal is silent (all samples equal) or not finite.
        ValueError: the signals are not both (N,).
    """
    pair = [np.asarray(x, dtype=np.float64) for x in (estimate, reference)]
    if pair[0].shape != pair[1].shape or pair[0].ndim != 1:
        raise ValueError(f"estimate {pair[0].shape} and reference {pair[1].shape} must both be (N,)")
    for name, x in zip(("estimate", "reference"), pair, strict=True):
        if (not x.size or np.ptp(x) == 0) and not (silent_estimate and name == "estimate"):
            raise Undefined(f"silent {name}")
        if not np.isfinite(x).all():
            raise Undefined(f"{name} not finite")
    return pair


def _decibels(signal: float, distortion: float) -> float:
    """10 log10(signal / distortion) of energies; infinite if one is below the rounding error of the other."""
    if distortion <= _ROUNDING * signal:
        return math.inf
    return -math.inf if signal <= _ROUNDING * distortion else 10 * math.log10(signal / distortion)


def si_sdr(estimate: np.ndarray, reference: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019, eq. 3), means removed.

    Args:
        estimate, reference: (N,) samples.

    Returns:
        10 log10(|a s|^2 / |a s - e|^2), a = <e, s> / |s|^2; infinite beyond +-140 dB.

    Raises:
        Undefined: one of the two is silent.
    """
    e, s = (x - x.mean() for x in sounding(estimate, reference))
    e, s = e / np.abs(e).max(), s / np.abs(s).max()  # the square of 1e-200 would be zero
    target = (e @ s) / (s @ s) * s
    return _decibels(target @ target, np.square(target - e).sum())


def wave_snr(estimate: np.ndarray, reference: np.ndarray) -> float:
    """Level-dependent signal-to-noise ratio in dB: 10 log10(|s|^2 / |s - e|^2) (Le Roux et al. 2019, eq. 1).

    The name avoids a conflict with ``utt2snr``, the SNR of mixtures. A silent estimate has 0 dB.

    Args:
        estimate, reference: (N,) samples.

    Raises:
        Undefined: the reference is silent.
    """
    e, s = sounding(estimate, reference, silent_estimate=True)
    with np.errstate(over="ignore"):
        e, s = e / np.abs(s).max(), s / np.abs(s).max()
        return _decibels(s @ s, np.square(s - e).sum())


def sdr(estimate: np.ndarray, reference: np.ndarray, taps: int = 512) -> float:
    """Signal-to-distortion ratio in dB of BSSEval version 3 with one source (Vincent et al. 2006; Scheibler 2021).

    A filter of ``taps`` coefficients on the reference does not count as distortion.

    Args:
        estimate, reference: (N,) samples.

    Raises:
        Undefined: a signal is silent or shorter than the filter, or the filter cannot be computed. A perfect estimate
            (140 dB) has infinite SDR.
        InputError: fast_bss_eval is not installed.
    """
    e, s = sounding(estimate, reference)
    if len(s) < taps:
        raise Undefined(f"shorter than {taps} samples")
    bss_eval = _bss_eval()
    e, s = (x / np.abs(x).max() for x in (e, s))  # the library treats faint signals as silence
    try:
        with np.errstate(divide="ignore"):
            value = -float(bss_eval.sdr_loss(e, s, filter_length=taps))
    except Exception as error:
        raise Undefined(f"no filter fits the reference ({type(error).__name__})") from None
    if np.isnan(value):
        raise Undefined("no filter fits the reference")
    return math.copysign(math.inf, value) if abs(value) >= -10 * math.log10(_ROUNDING) else value


def pesq(estimate: np.ndarray, reference: np.ndarray, fs: int, mode: str) -> float:
    """Perceptual evaluation of speech quality, MOS-LQO (ITU-T P.862.1 narrow band, P.862.2 wide band).

    Args:
        estimate, reference: (N,) samples.
        fs: sampling rate in Hz: 8000 (only ``nb``) or 16000.
        mode: ``nb`` or ``wb``.

    Raises:
        Undefined: a signal is silent or shorter than 0.25 s, PESQ detects no utterance, or the library crashes (more
            than about 50 utterances).
        InputError: pesq is not installed.
    """
    if (fs, mode) not in ((8000, "nb"), (16000, "nb"), (16000, "wb")):
        raise ValueError(f"PESQ {mode} at {fs} Hz: must be nb at 8000 Hz, nb or wb at 16000 Hz")
    e, s = sounding(estimate, reference)
    library("pesq")
    if len(s) <= _PESQ_SAFE_SECONDS * fs:
        return _pesq(e, s, fs, mode)
    with process_pool(1, __name__) as child:
        try:
            return child.submit(_pesq, e, s, fs, mode).result()
        except BrokenProcessPool:
            raise Undefined("too long for PESQ, which crashed") from None


def _pesq(e: np.ndarray, s: np.ndarray, fs: int, mode: str) -> float:
    lib = library("pesq")
    try:
        return float(lib.pesq(fs, s, e, mode))
    except lib.NoUtterancesError:
        raise Undefined("no utterance detected") from None
    except lib.BufferTooShortError:
        raise Undefined("shorter than 0.25 s") from None
    except Exception:  # e.g. ValueError: a level of zero after its filters becomes NaN
        raise Undefined("PESQ cannot level the signals") from None


def stoi(estimate: np.ndarray, reference: np.ndarray, fs: int, extended: bool = False) -> float:
    """Short-time objective intelligibility, at most 1 (Taal et al. 2011), from pystoi, which resamples to 10 kHz.

    Args:
        estimate, reference: (N,) samples.
        fs: sampling rate in Hz.
        extended: ESTOI (Jensen and Taal 2016).

    Raises:
        Undefined: a signal is silent, or the reference has fewer than 30 frames (0.4 s) of speech.
        InputError: pystoi is not installed.
    """
    e, s = sounding(estimate, reference)
    lib = library("pystoi")
    state = np.random.get_state()
    np.random.seed(0)  # ESTOI adds tiny noise, which decides the value of empty bands
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Not enough STFT frames", RuntimeWarning)
            value = float(lib.stoi(s, e, fs, extended))
    except (RuntimeWarning, np.exceptions.AxisError):  # the latter for less than one frame
        raise Undefined("fewer than 30 frames of speech") from None
    except Exception as error:
        raise Undefined(f"STOI fails ({type(error).__name__})") from None
    finally:
        np.random.set_state(state)
    if np.isnan(value):
        raise Undefined("STOI finds no envelope")
    return value


def estoi(estimate: np.ndarray, reference: np.ndarray, fs: int) -> float:
    """Extended STOI; see :func:`stoi`."""
    return stoi(estimate, reference, fs, extended=True)


@cache
def _bss_eval() -> ModuleType:
    """The numpy part of fast_bss_eval; the whole package would import torch."""
    name, folder = "fast_bss_eval_numpy", find_library("fast_bss_eval") / "numpy"
    spec = importlib.util.spec_from_file_location(name, folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)  # before execution, for its relative imports
    spec.loader.exec_module(module)
    return module
