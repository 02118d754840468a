import numpy as np
import pytest

from toolkit.models.se.base import SpeechEnhancer
from toolkit.systems.enhancer import Enhancer


class Halved(SpeechEnhancer):
    fs = 16000

    def forward(self, wav):
        return 0.5 * wav


@pytest.mark.parametrize(("beta", "expected"), [(0, [1.0, -2.0]), (0.1, [1.1, -2.2]), (1, [2.0, -4.0])])
def test_observation_adding_by_hand(beta, expected):
    """Eq. 22 of SSL-MSE: beta y + (1 - beta) x^, here 0.1 * 2 + 0.9 * 1."""
    wav = np.tile(np.array([2.0, -4.0], np.float32), 800)
    assert Enhancer(Halved()).enhance(wav, 16000, beta) == pytest.approx(np.tile(expected, 800))
