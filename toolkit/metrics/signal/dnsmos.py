"""DNSMOS P.835: non-intrusive estimates of the quality of speech, background and both (mean opinion scores).

The network and its polynomials are from the package speechmos (Reddy, Gopal and Cutler, "DNSMOS P.835", ICASSP 2022).
We run the network with onnxruntime: speechmos itself imports librosa, also runs a second network (P.808), and uses all
cores in every job.
"""

from functools import cache

import numpy as np

from toolkit.io.libraries import find_library
from toolkit.metrics.signal.intrusive import Undefined
from toolkit.metrics.signal.onnx_session import onnx_session

FS = 16000
_SECONDS = 9.01  # length of a window; the shift is 1 s
_WINDOW = int(_SECONDS * FS)
# Polynomials of the raw outputs signal, background and overall; highest power first.
_POLYNOMIALS = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)


def dnsmos(estimate: np.ndarray) -> tuple[float, float, float]:
    """Mean opinion scores, about 1 to 5: means over windows of 9.01 s with a shift of 1 s.

    A shorter signal is repeated until it fills a window.

    Args:
        estimate: (N,) samples at 16 kHz, in [-1, 1].

    Returns:
        ``(SIG, BAK, OVRL)``.

    Raises:
        Undefined: the signal is silent or not finite, has samples beyond +-1 (as in speechmos), or the network fails.
        InputError: onnxruntime or speechmos is not installed, or the network file cannot be read.
    """
    x = np.asarray(estimate, dtype=np.float32)
    if not x.size or np.ptp(x) == 0:
        raise Undefined("silent estimate")
    if not np.isfinite(x).all():
        raise Undefined("estimate not finite")
    if np.abs(x).max() > 1:
        raise Undefined("samples beyond +-1")
    while len(x) < _WINDOW:
        x = np.concatenate([x, x])
    count = int(len(x) // FS - _SECONDS) + 1
    # As in speechmos: window ends are rounded down, and windows that lose a sample by it are skipped.
    windows = (x[i * FS : int((i + _SECONDS) * FS)] for i in range(count))
    session = _session()
    try:
        raw = np.array([session.run(None, {"input_1": w[None]})[0][0] for w in windows if len(w) == _WINDOW])
    except Exception as error:
        raise Undefined(f"DNSMOS fails ({type(error).__name__})") from None
    sig, bak, ovrl = (
        float(np.mean(np.polyval(p, column))) for p, column in zip(_POLYNOMIALS, raw.astype(float).T, strict=True)
    )
    return sig, bak, ovrl


@cache
def _session():
    """The network."""
    return onnx_session(find_library("speechmos", "dnsmos") / "dnsmos_models" / "sig_bak_ovr.onnx", "dnsmos")
