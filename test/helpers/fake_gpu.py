"""A training whose first batch is computed on a fake GPU."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from toolkit.testing import fake_cuda
from toolkit.train.probe import small_batch


class _ComputedError(Exception):
    """Ends the training."""


def check_training_step(monkeypatch, train: Callable[[], object]) -> None:
    """``train()`` as far as its first batch: outputs and loss are computed there, of no tensor on the CPU."""
    # The kernel has no fake form; this takes tensors of one device, too.
    monkeypatch.setattr(nn.functional, "ctc_loss", lambda log_probs, text, *_, **__: log_probs.sum((0, 2)) + text.sum())

    def compute(task, seed):
        batch = small_batch(task, seed)
        task.train()(batch)  # losses check the first batch, by values, which fake tensors do not have
        with fake_cuda(nn.ModuleList([task.network, task.loss]).train()) as (network, loss):
            there = {
                name: torch.zeros(value.shape, dtype=value.dtype, device="cuda") if torch.is_tensor(value) else value
                for name, value in batch.items()
            }
            assert loss(network.training_outputs(there), there)[0].device.type == "cuda"
        raise _ComputedError

    monkeypatch.setattr("toolkit.train.experiment.probe", compute)
    with pytest.raises(_ComputedError):
        train()
