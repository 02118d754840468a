"""Causal networks as functions of the next blocks of samples and of explicit states."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.models.block_stream import BlockStream
from toolkit.models.network_stream import NetworkStream


class BlockStep(nn.Module, ABC):
    """The next blocks of a recording -> as many samples of output, and new states.

    Attributes:
        block: samples of a block.
        delay: how many samples later than the input the output is, within a call. The algorithmic latency is a block
            and the delay.
        end: number of the state that holds how many samples are left in the recording, (1,), ``ENDLESS`` before the
            last call; None: the network does not need it.

    Example::

        states = step.initial()
        for blocks in wav.split(4 * step.block, 1):  # (1, N), N a whole number of blocks
            output, *states = step(blocks, *states)
    """

    block: int
    delay: int
    end: int | None = None

    @abstractmethod
    def initial(self) -> list[Tensor]:
        """The states before the first sample; all but ``end`` are zeros."""

    @abstractmethod
    def forward(self, wav: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """wav (1, k block), states -> output (1, k block), new states."""


class StepStream(NetworkStream):
    """The states of a step between pieces of a recording.

    Args:
        step: in eval mode.
        device: of the step; None: the CPU.
    """

    def __init__(self, step: BlockStep, device: torch.device | None):
        self._blocks = BlockStream(self._next, step.block, step.delay)
        self.latency, self._step, self._device = self._blocks.latency, step, device
        with torch.inference_mode():
            self._states = [state.to(device) for state in step.initial()]

    def process(self, chunk: Tensor) -> Tensor:
        """(N,) samples -> (M,) enhanced samples that are complete."""
        self._place = chunk.device
        return self._made(self._blocks.process(chunk.cpu().numpy()))

    def flush(self) -> Tensor:
        """(M,) enhanced samples up to the end."""
        return self._made(self._blocks.flush())

    def _made(self, samples: np.ndarray) -> Tensor:
        return torch.from_numpy(samples).to(self._place)

    @torch.inference_mode()
    def _next(self, samples: np.ndarray, left: int | None) -> np.ndarray:
        if left is not None and self._step.end is not None:
            self._states[self._step.end].fill_(left)
        output, *self._states = self._step(torch.from_numpy(samples)[None].to(self._device), *self._states)
        return output[0].cpu().numpy()
