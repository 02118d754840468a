"""Causal networks as functions of the next blocks of samples and of explicit states, for streams without torch."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.models.se import GTCRN
from toolkit.models.se.base import SpeechEnhancer
from toolkit.systems.onnx.traceable import framed, samples_of_frames, spectrum_of, tapered


class Step(nn.Module, ABC):
    """The next blocks of a recording -> as many samples of output, and new states.

    Attributes:
        block: samples of a block.
        delay: how many samples later than the input the output is, within a call.
        latency: algorithmic latency in samples.
    """

    block: int
    delay: int
    latency: int

    @abstractmethod
    def initial(self) -> list[Tensor]:
        """The states before the first sample."""

    @abstractmethod
    def forward(self, wav: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """wav (1, k block), states -> output (1, k block), new states."""


class _GtcrnStep(Step):
    """GTCRN on frames of two hops. States: the last hop of input, the half frame that the next one overlaps, and those
    of the layers.
    """

    def __init__(self, model: GTCRN):
        super().__init__()
        self.model, self.stft = model, model.stft
        self.block = self.delay = self.stft.hop
        self.latency = self.stft.window
        if self.stft.window != 2 * self.stft.hop:
            raise InputError(f"GTCRN: window {self.stft.window}: must be two hops to stream from an ONNX file")

    def initial(self) -> list[Tensor]:
        """Zeros, of the shapes that a frame leaves."""
        frame = torch.zeros(1, 2, self.stft.bins, 1)
        layers = [state for pair in self.model.frames(frame)[1] for state in pair]
        return [torch.zeros(1, self.block), torch.zeros(1, self.block), *map(torch.zeros_like, layers)]

    def forward(self, wav: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """See Step: wav (1, k block) and states -> output (1, k block) and states."""
        recent, tail, *layers = states
        known = torch.cat((recent, wav), 1)
        pieces = framed(known, self.stft.window, self.block, wav.shape[1] // self.block)
        spectrum = spectrum_of(pieces, tapered(self.stft.taper), self.stft.window)
        spectrum = torch.stack((spectrum[..., ::2], spectrum[..., 1::2]), 1).transpose(2, 3)
        pairs = list(zip(layers[::2], layers[1::2], strict=True))
        enhanced, new = self.model.frames(spectrum, pairs)
        first, second = samples_of_frames(self.stft, enhanced).split(self.block, 2)
        before = torch.cat((tail[:, None], second[:, :-1]), 1)
        weight = self.stft.taper.square().unflatten(0, (2, self.block)).sum(0)
        output = ((before + first) / weight).flatten(1)
        flat = [state for pair in new for state in pair]
        return output, known[:, known.shape[1] - self.block :], second[:, -1], *flat


_STEPS: dict[type, type[Step]] = {GTCRN: _GtcrnStep}


def step_of(network: SpeechEnhancer) -> Step:
    """The step of a network. Raises InputError if it has none."""
    kind = _STEPS.get(type(network))
    if kind is None:
        names = ", ".join(cls.__name__ for cls in _STEPS)
        raise InputError(f"{type(network).__name__}: has no form with explicit states; ONNX files that stream: {names}")
    return kind(network).eval()
