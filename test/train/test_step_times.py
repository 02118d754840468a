"""The profile of training names the part that takes most of the time. Time is a number that the parts move on."""

import logging

import pytest
import torch

from test.train.test_trainer import ITEMS, Line
from toolkit.train import step_times
from toolkit.train.schedule import Constant
from toolkit.train.step_times import REMEDIES, StepTimes
from toolkit.train.trainer import Trainer


class Clock:
    """Seconds that pass only when a part says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(step_times, "perf_counter", clock)
    monkeypatch.setattr("toolkit.train.trainer.time.perf_counter", clock)
    return clock


def test_shares_of_the_time(clock):
    times = StepTimes()
    for name, seconds in (("forward", 2.0), ("backward", 5.0), ("forward", 1.0)):
        with times.part(name):
            clock.now += seconds
    times.add("data", 2.0)
    assert times.summary().startswith("backward 50 %, forward 30 %, data 20 %. ")
    assert REMEDIES["backward"] in times.summary()


def test_nothing_is_measured_unless_it_is_enabled(clock):
    times = StepTimes(enabled=False, wait=None)
    with times.part("forward"):
        clock.now += 1
    assert not times.summary()


@pytest.mark.parametrize("slow", ["data", "forward", "backward", "update", "checkpoint"])
def test_the_trainer_names_its_slowest_part(clock, tmp_path, monkeypatch, caplog, slow):
    def taking(name: str, call):
        def timed(*args, **kwargs):
            clock.now += 7.0 if name == slow else 1.0
            return call(*args, **kwargs)

        return timed

    class Items(list):
        __getitem__ = taking("data", list.__getitem__)

    task = Line()
    task.dataset = Items(ITEMS)
    optimizer = torch.optim.SGD(task.parameters(), lr=0.01)
    task.forward = taking("forward", task.forward)
    optimizer.step = taking("update", optimizer.step)
    monkeypatch.setattr("accelerate.Accelerator.backward", taking("backward", lambda self, loss: loss.backward()))
    monkeypatch.setattr(Trainer, "_save", taking("checkpoint", Trainer._save))
    with caplog.at_level(logging.INFO):
        trainer = Trainer(epochs=1, workers=0, profile=True, checkpoint_minutes=0)
        trainer.fit(task, optimizer, Constant(), tmp_path / "exp", seed=0)
    [line] = [record.getMessage() for record in caplog.records if "profile" in record.getMessage()]
    assert REMEDIES[slow] in line
    assert f"{slow} " in line.partition("%")[0]
