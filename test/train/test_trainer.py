"""The trainer: schedules that look at the validations, N epochs == k + (N - k); batches of several processes."""

import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from toolkit.data.draw import Draw
from toolkit.io.errors import InputError
from toolkit.tasks.base import Task
from toolkit.train.checkpoint import load
from toolkit.train.schedule import Plateau
from toolkit.train.trainer import Trainer

VALUES = [5.0, 4.0, 4.5, 4.5, 3.0, 3.5, 3.5, 3.5]
RATES = [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]  # of epochs 1 to 8: halved after the 4th and after the 7th
ITEMS = [{"id": str(i), "label": 0, "facts": {}, "wav": np.array([i, 2 * i], np.float32)} for i in range(6)]


class Line(Task):
    """Fits a line; its validations are told beforehand."""

    metric = ("error", "min")
    dataset = ITEMS

    def __init__(self):
        super().__init__()
        self.network = torch.nn.Linear(1, 1)
        self.register_buffer("validated", torch.tensor(0))

    def forward(self, batch):
        x, y = batch["wav"].split(1, dim=1)
        return (self.network(x) - y).square().mean(), {}

    def batches(self, seed, epoch):
        order = np.random.default_rng([seed, epoch]).permutation(6)
        return [order[:3].tolist(), order[3:].tolist()]

    def validate(self):
        self.validated += 1
        return {"error": VALUES[self.validated - 1]}

    def deployed(self):
        return self.network


def train(expdir, epochs: int) -> tuple[dict, list[float]]:
    """Train, or go on; the last state, and the rate of every epoch of this run."""
    torch.manual_seed(0)
    task = Line()
    optimizer = torch.optim.Adam(task.parameters(), lr=0.01)
    Trainer(epochs=epochs, workers=0).fit(task, optimizer, Plateau(gamma=0.5), expdir, seed=1)
    records = [json.loads(line) for line in (expdir / "metrics.jsonl").read_text().splitlines()]
    return load(expdir / "checkpoint/last.pt"), [r["lr"] for r in records if r["kind"] == "train"]


@pytest.mark.parametrize("first", [3, 4, 7])
def test_plateau_goes_on_where_it_was(tmp_path, first):
    whole, rates = train(tmp_path / "whole", 8)
    assert rates == pytest.approx([0.01 * rate for rate in RATES])
    train(tmp_path / "parts", first)
    parts, rates = train(tmp_path / "parts", 8)
    assert rates == pytest.approx([0.01 * rate for rate in RATES])
    assert parts["values"] == whole["values"] == VALUES
    assert all(torch.equal(value, parts["task"][name]) for name, value in whole["task"].items())


def test_plateau_goes_on_from_the_middle_of_an_epoch(tmp_path, monkeypatch):
    whole, _ = train(tmp_path / "whole", 8)
    step = Trainer._step

    def dying(self, batch):
        if self.step == 11:  # one batch into the sixth epoch
            raise KeyboardInterrupt
        return step(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", dying)
        patch.setattr("toolkit.train.trainer.time.perf_counter", iter(range(0, 10**9, 10**4)).__next__)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "parts", 8)
    assert load(tmp_path / "parts/checkpoint/last.pt")["batch"] == 1
    parts, _ = train(tmp_path / "parts", 8)
    assert all(torch.equal(value, parts["task"][name]) for name, value in whole["task"].items())


def shared(sizes, world, network, per_speaker=1):
    """The batches of each process, of an epoch of batches of such sizes."""
    ends = np.cumsum([0, *sizes])
    batches = [[Draw(int(i), 1, int(i)) for i in range(*pair)] for pair in pairwise(ends)]
    trainer = Trainer(workers=0)
    data = SimpleNamespace(seconds=np.ones(ends[-1]))
    trainer.seed, trainer.task = (
        0,
        SimpleNamespace(
            batches=lambda seed, epoch: batches, dataset=data, per_speaker=per_speaker, modules=network.modules
        ),
    )
    parts = []
    for rank in range(world):
        trainer.accelerator = SimpleNamespace(process_index=rank, num_processes=world)
        parts.append([[draw.index for draw in batch] for batch in trainer._share(1)])
    return parts


@pytest.mark.parametrize(("sizes", "world"), [([5, 5, 1], 1), ([8, 6, 3, 8], 2), ([12, 12, 1], 3)])
def test_batch_normalisation_never_meets_one_item(sizes, world):
    parts = shared(sizes, world, torch.nn.BatchNorm2d(3))
    assert min(len(batch) for part in parts for batch in part) >= 2
    assert len({tuple(map(len, part)) for part in parts}) == 1  # processes in step
    if world == 1:
        assert sorted(np.concatenate(parts[0])) == list(range(sum(sizes)))


def test_a_batch_of_one_stays_where_nothing_is_normalised_over_it():
    assert shared([2, 1], 1, torch.nn.InstanceNorm1d(3)) == [[[0, 1], [2]]]


@pytest.mark.parametrize(("sizes", "world", "per_speaker"), [([1, 1], 1, 1), ([2, 2, 2], 2, 1), ([2, 2], 2, 2)])
def test_batches_that_cannot_be_shared_are_refused_before_the_first_step(sizes, world, per_speaker):
    with pytest.raises(InputError, match="batch_size"):
        shared(sizes, world, torch.nn.BatchNorm1d(3), per_speaker)
