"""Learning-rate schedules, at hand-worked positions."""

import pytest

from toolkit.train.schedule import Constant, WarmupCosine, WarmupStep


@pytest.mark.parametrize(
    ("epoch", "factor"), [(0.5, 0.25), (1.0, 0.5), (2.0, 1.0), (6.0, 0.55), (10.0, 0.1), (12.0, 0.1)]
)
def test_warmup_cosine(epoch, factor):
    assert WarmupCosine(warmup_epochs=2, final=0.1).factor(epoch, 10) == pytest.approx(factor)


def test_warmup_starts_above_zero_so_adam_gets_a_step():
    assert 0 < WarmupCosine(warmup_epochs=5).factor(0.0, 10) < 1e-3


@pytest.mark.parametrize(("epoch", "factor"), [(0.5, 0.5), (1.0, 1.0), (4.9, 0.5), (5.0, 0.25)])
def test_warmup_step(epoch, factor):
    assert WarmupStep(warmup_epochs=1, gamma=0.5, every=2.5).factor(epoch, 10) == pytest.approx(factor)


def test_constant():
    assert Constant().factor(3.0, 10) == 1.0
