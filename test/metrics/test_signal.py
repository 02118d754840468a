import math

import numpy as np
import pytest

from toolkit.metrics.signal import si_sdr


def test_si_sdr_of_orthogonal_distortion_is_the_ratio_of_energies():
    t = np.arange(1000) / 1000
    s, n = np.sin(2 * np.pi * 5 * t), np.cos(2 * np.pi * 9 * t)
    assert si_sdr(s + 0.1 * n, s) == pytest.approx(20)
    assert si_sdr(-7 * (s + n), 0.3 * s) == pytest.approx(0, abs=1e-9)
    assert si_sdr(s + 0.1 * n + 5, s - 3) == pytest.approx(20)  # means do not count


def test_si_sdr_by_hand():
    # a = <e, s> / |s|^2 = 3/2: target (1.5, -1.5, 0, 0), target - e = (-0.5, -0.5, 1, 0): 4.5 against 1.5
    assert si_sdr(np.array([2.0, -1.0, -1.0, 0.0]), np.array([1.0, -1.0, 0.0, 0.0])) == pytest.approx(
        10 * math.log10(3)
    )


def test_si_sdr_at_its_ends():
    s = np.array([1.0, -1.0, 2.0, -2.0], np.float32)
    assert si_sdr(2 * s, s) == math.inf
    assert math.isnan(si_sdr(0 * s, s))
    assert math.isnan(si_sdr(s, 0 * s + 3))
