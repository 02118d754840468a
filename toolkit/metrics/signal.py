"""How near an estimated signal is to its reference."""

import numpy as np


def si_sdr(estimate: np.ndarray, reference: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019, eq. 3), means removed.

    Args:
        estimate, reference: (N,) samples.

    Returns:
        10 log10(|a s|^2 / |a s - e|^2), a = <e, s> / |s|^2; NaN where one of the two is silent.
    """
    e, s = (x.astype(np.float64) - x.mean(dtype=np.float64) for x in (estimate, reference))
    if not (e.any() and s.any()):
        return float("nan")
    target = (e @ s) / (s @ s) * s
    with np.errstate(divide="ignore"):
        return float(10 * np.log10((target @ target) / np.square(target - e).sum()))
