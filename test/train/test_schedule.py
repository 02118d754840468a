"""Learning-rate schedules, at hand-worked positions."""

import pytest
import torch

from toolkit.io.errors import InputError
from toolkit.train.schedule import Constant, Plateau, StepDecay, WarmupCosine, WarmupStep


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


@pytest.mark.parametrize(
    ("epoch", "factor"),
    [(0, 1), (1.9, 1), (2, 0.98), (99.9, 0.98**49), (100, 0.98**50), (101, 0.98**50 * 0.9), (103.5, 0.98**50 * 0.9**3)],
)
def test_step_decay_of_sef_pnet(epoch, factor):
    assert StepDecay().factor(epoch, 120) == pytest.approx(factor, rel=1e-12)


def test_step_decay_without_a_turn():
    assert StepDecay(gamma=0.5, every=3, turn=0).factor(301, 400) == pytest.approx(0.5**100)


@pytest.mark.parametrize(
    ("values", "factor"),
    [
        ([], 1),
        ([3.0, 2.0, 2.5], 1),
        ([3.0, 2.0, 2.5, 2.0], 0.75),  # as good as the best is not better
        ([3.0, 2.0, 2.5, 2.1, 2.1], 0.75),  # counted anew
        ([3.0, 2.0, 2.5, 2.1, 2.1, 2.1], 0.75**2),
        ([3.0, 2.0, 2.5, 2.1, 2.1, 1.9, 2.0], 0.75),
        ([3.0, float("nan"), float("nan")], 0.75),
    ],
)
def test_plateau_by_hand(values, factor):
    assert Plateau().factor_after(values, 0.0, 10) == pytest.approx(factor)


def test_plateau_is_that_of_torch():
    """torch lowers the rate after ``patience`` + 1 epochs."""
    values = torch.rand(200, generator=torch.Generator().manual_seed(0)).tolist()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    peer = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.9, patience=2, threshold=0, min_lr=0.01)
    for ended, value in enumerate(values, 1):
        peer.step(value)
        ours = Plateau(gamma=0.9, patience=3, final=0.01).factor_after(values[:ended], ended, 200)
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"])
    assert ours == 0.01


@pytest.mark.parametrize("schedule", [lambda: Plateau(patience=0), lambda: StepDecay(every=0)])
def test_no_steps_within_an_epoch(schedule):
    with pytest.raises(InputError, match="must be 1 or more epochs"):
        schedule()


def test_other_schedules_do_not_look_at_the_validations():
    schedule = WarmupStep(every=1)
    assert schedule.factor_after([9.0, 9.0, 9.0], 2.0, 10) == schedule.factor(2.0, 10) == 0.25
