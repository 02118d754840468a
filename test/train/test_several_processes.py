"""Two processes train as one with the double batch, and stop at one step. They are forked, and meet over gloo."""

import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.utils.tensorboard  # imported here, once, and not by each process
from accelerate import Accelerator  # noqa: F401
from accelerate.state import AcceleratorState, PartialState

from toolkit.data.item import ItemSpec
from toolkit.data.lazy_batches import LazyBatches
from toolkit.train.checkpoint import load
from toolkit.train.schedule import Constant
from toolkit.train.trainer import Trainer

BATCHES, SIZE = 25, 8


class Items:
    """Random items: (4,) inputs, and a target that is a function of them."""

    def __init__(self):
        self.inputs = np.random.default_rng(0).normal(size=(BATCHES * SIZE, 4)).astype(np.float32)
        self.seconds = np.ones(BATCHES * SIZE)

    def __getitem__(self, spec: ItemSpec) -> dict:
        x = self.inputs[spec.index]
        return {"id": str(spec.index), "label": 0, "facts": {}, "wav": np.append(x, np.sin(x.sum()))}


class Curve(torch.nn.Module):
    """All that the trainer asks of a task: a small network fits the target."""

    per_speaker, classes, metric = 1, None, ("error", "min")

    def __init__(self, before_step=lambda step: None):
        super().__init__()
        torch.manual_seed(3)
        self.network = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
        self.dataset, self.steps, self.before_step = Items(), 0, before_step

    def forward(self, batch):
        self.before_step(self.steps)
        self.steps += 1
        assert torch.is_tensor(batch["wav"])
        return (self.network(batch["wav"][:, :4]) - batch["wav"][:, 4:]).square().mean(), {}

    def batches(self, seed, epoch):
        order = np.random.default_rng([seed, epoch]).permutation(BATCHES * SIZE).reshape(BATCHES, SIZE).tolist()
        return LazyBatches(np.full(BATCHES, SIZE), lambda n: [ItemSpec(i, epoch, i) for i in order[n]])

    def validate(self):
        return {"error": 1.0}

    def deployed(self):
        return self.network


def train(expdir: Path, before_step=lambda step: None, epochs: int = 2) -> None:
    """Train, and keep the mean loss of this process's part of each batch."""
    task = Curve(before_step)
    optimizer = torch.optim.Adam(task.parameters(), lr=0.02)
    trainer, losses = Trainer(epochs=epochs, workers=0, log_seconds=0), []
    step = trainer._step

    def recorded(batch):
        stats = step(batch)
        losses.append(stats["loss"])
        return stats

    trainer._step = recorded
    trainer.fit(task, optimizer, Constant(), expdir, seed=1)
    (expdir / f"losses.{os.environ.get('RANK', 0)}").write_text(json.dumps(losses))


def in_processes(world: int, work) -> list[int]:
    """Exit codes of forked processes that each call ``work(rank)`` as torchrun would start them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    children = []
    for rank in range(world):
        if child := os.fork():
            children.append(child)
            continue
        code = 1
        try:
            AcceleratorState._reset_state(reset_partial_state=True)
            PartialState._reset_state()
            os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world)}
            os.environ |= {"LOCAL_WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            os.environ |= {"ACCELERATE_USE_CPU": "true", "GLOO_SOCKET_IFNAME": "lo"}
            work(rank)
            code = 0
        except KeyboardInterrupt:
            code = 130
        except SystemExit as end:
            code = int(end.code or 0)
        except BaseException:
            traceback.print_exc(file=sys.stderr)
        finally:
            os._exit(code)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def state(expdir: Path) -> dict:
    return load(expdir / "checkpoint/last.pt")


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """The training by one process."""
    expdir = tmp_path_factory.mktemp("alone") / "exp"
    assert in_processes(1, lambda rank: train(expdir)) == [0]
    return expdir


def assert_same_weights(one: Path, other: Path) -> None:
    a, b = state(one)["task"], state(other)["task"]
    assert a.keys() == b.keys()
    assert all(torch.allclose(a[name], b[name], atol=1e-5) for name in a)


def test_two_processes_are_one_with_the_double_batch(alone, tmp_path):
    assert in_processes(2, lambda rank: train(tmp_path)) == [0, 0]
    parts = [json.loads((tmp_path / f"losses.{rank}").read_text()) for rank in range(2)]
    whole = json.loads((alone / "losses.0").read_text())
    assert len(whole) == 2 * BATCHES
    assert np.mean(whole[-BATCHES:]) < 0.8 * np.mean(whole[:BATCHES])  # something was learned
    assert not np.allclose(parts[0], parts[1], atol=1e-3)  # each has its part
    assert np.mean(parts, axis=0) == pytest.approx(whole, abs=1e-5)
    assert_same_weights(alone, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_to_one_process_stops_both_at_one_step(alone, tmp_path, number):
    def interrupted(rank):
        train(tmp_path, lambda step: os.kill(os.getpid(), number) if (rank, step) == (1, BATCHES + 3) else None)

    assert in_processes(2, interrupted) == [130, 128 + number]
    assert (state(tmp_path)["epoch"], state(tmp_path)["batch"]) == (2, 10)
    assert in_processes(2, lambda rank: train(tmp_path)) == [0, 0]
    assert_same_weights(alone, tmp_path)


def test_another_number_of_processes_goes_on(alone, tmp_path):
    assert in_processes(2, lambda rank: train(tmp_path, epochs=1)) == [0, 0]
    assert in_processes(1, lambda rank: train(tmp_path)) == [0]
    assert_same_weights(alone, tmp_path)
