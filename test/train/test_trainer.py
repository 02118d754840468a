"""The trainer: schedules that look at the validations, N epochs == k + (N - k); batches of several processes."""

import json
import shutil
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from toolkit.data.item import ItemSpec
from toolkit.io.errors import InputError
from toolkit.train.checkpoint import Checkpoints, load, save
from toolkit.train.schedule import Plateau
from toolkit.train.trainer import Trainer

VALUES = [5.0, 4.0, 4.5, 4.5, 3.0, 3.5, 3.5, 3.5]
RATES = [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]  # of epochs 1 to 8: halved after the 4th and after the 7th
ITEMS = [{"id": str(i), "label": 0, "facts": {}, "wav": np.array([i, 2 * i], np.float32)} for i in range(6)]


class Line(torch.nn.Module):
    """All that the trainer asks of a task: fits a line; its validations are told beforehand."""

    per_speaker, classes = 1, None
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
    batches = [[ItemSpec(int(i), 1, int(i)) for i in range(*pair)] for pair in pairwise(ends)]
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


def unique_steps(expdir) -> list[int]:
    """Steps of the loss curve, of which the records of metrics.jsonl must have the same."""
    board = EventAccumulator(str(expdir / "tensorboard")).Reload()
    records = [json.loads(line) for line in (expdir / "metrics.jsonl").read_text().splitlines()]
    steps = [record["step"] for record in records if record["kind"] == "train"]
    assert steps == [event.step for event in board.Scalars("train/loss")]
    return steps


@pytest.mark.parametrize("kept", [0, 1])  # checkpoints before the kill
def test_a_killed_epoch_leaves_no_records(tmp_path, monkeypatch, kept):
    def dying(self, state):
        if state["step"] > 2 * kept:
            raise KeyboardInterrupt
        save_last(self, state)

    save_last = Checkpoints.save_last
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save_last", dying)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, 3)
    train(tmp_path, 3)
    assert unique_steps(tmp_path) == [2, 4, 6]


def halve(*paths: Path) -> None:
    for path in paths:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    """Of a weight."""
    data = bytearray(path.read_bytes())
    data[data.index(load(path)["task"]["network.weight"].numpy().tobytes())] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [halve, flip_a_bit, lambda path: save(path, torch.zeros(3)), Path.unlink])
def test_a_damaged_checkpoint_costs_its_steps_and_nothing_else(tmp_path, damage):
    whole, _ = train(tmp_path / "whole", 4)
    train(tmp_path / "parts", 3)
    damage(tmp_path / "parts/checkpoint/last.pt")
    parts, _ = train(tmp_path / "parts", 4)
    assert all(torch.equal(value, parts["task"][name]) for name, value in whole["task"].items() if name != "validated")


def change(**values):
    """What replaces entries of a checkpoint."""
    return lambda last, _: save(last, load(last) | values)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (halve, "last.pt and previous.pt cannot be used; restore a copy, or remove .*x to train again"),
        (lambda *paths: [path.unlink() for path in paths], "holds no checkpoint, but epoch 2 was trained before"),
        (change(version=9), "last.pt: was written by a newer version"),
        (change(task={"weight": torch.zeros(1)}), "does not fit this network"),
        (change(rng=None), "does not fit this network"),
        (change(epoch=9), "has 8 epochs, --trainer.epochs 4 is less"),
    ],
)
def test_without_its_checkpoint_no_training_begins_anew_in_silence(tmp_path, damage, message):
    train(tmp_path / "x", 2)
    damage(*(tmp_path / "x/checkpoint" / name for name in ("last.pt", "previous.pt")))
    with pytest.raises(InputError, match=message):
        train(tmp_path / "x", 4)
    shutil.rmtree(tmp_path / "x")
    train(tmp_path / "x", 4)


@pytest.mark.parametrize("lose", [halve, Path.unlink])
def test_lost_epochs_are_left_out_but_for_the_last_of_the_checkpoint(tmp_path, lose, caplog):
    train(tmp_path, 3)  # the best are 2, 3, 1
    weights = [load(tmp_path / f"epoch{epoch}.pth")["weight"] for epoch in (2, 3)]
    lose(tmp_path / "epoch1.pth")
    lose(tmp_path / "epoch3.pth")
    train(tmp_path, 3)
    assert "epoch1.pth: is missing or damaged" in caplog.text
    assert torch.equal(load(tmp_path / "valid.error.ave.pth")["weight"], torch.stack(weights).mean(0))
