"""Long recordings in parts."""

import numpy as np
import pytest

from toolkit.systems.recognizer import cut_at_pauses


@pytest.mark.parametrize("seconds", [0.5, 2.0, 7.3])
def test_parts_are_the_recording(seconds):
    samples = np.random.default_rng(0).standard_normal(round(8000 * seconds)).astype(np.float32)
    parts = cut_at_pauses(samples, 8000, 2.0)
    assert np.array_equal(np.concatenate(parts), samples)
    assert all(0 < len(part) <= 16000 for part in parts)
    assert len(parts) >= seconds / 2


def test_cuts_are_in_pauses():
    samples = np.random.default_rng(0).standard_normal(8000 * 6).astype(np.float32)
    pauses = [(12500, 14000), (24000, 25500), (37000, 38500)]
    for begin, end in pauses:
        samples[begin:end] = 0
    ends = np.cumsum([len(part) for part in cut_at_pauses(samples, 8000, 2.0)])[:-1]
    assert all(any(begin <= cut <= end for begin, end in pauses) for cut in ends)
