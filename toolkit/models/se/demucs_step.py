"""Causal Demucs on blocks of samples: no layer computes anything twice."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.models.block_step import BlockStep
from toolkit.models.block_stream import ENDLESS

if TYPE_CHECKING:
    from toolkit.models.se.demucs import Demucs

_CLOSED = -1e4  # input of a gate whose sigmoid is 0


class DemucsStep(BlockStep):
    """Demucs with a fixed level, a whole number of frames at a time.

    Level 0 is the waveform at the raised rate, level i the output of convolution i. In a call of k blocks each level
    gets ``k sizes[i]`` new values. Input and output of a level are late by ``delays[i]`` and ``outer[i]`` values, so a
    call also computes values before the recording, and at the end values behind it. They are set to zero, as those that
    ``Demucs.forward`` does not compute. States: blocks before this call, samples left, and what each layer remembers.

    Args:
        model: the network.
        level: number by which the waveform is divided.
        zeros: zero crossings of the interpolation filter on either side.
        up, down: the filters of interpolation and decimation, (U, 1, 2 zeros + 1) and (1, 1, 2 U zeros + 1).
    """

    end = 1
    up: Tensor
    down: Tensor

    def __init__(self, model: "Demucs", level: float | Tensor, up: Tensor, down: Tensor):
        super().__init__()
        self.model, self.level = model, level
        self.register_buffer("up", up)
        self.register_buffer("down", down)
        depth, kernel, stride, raise_by = len(model.encoder), model.kernel_size, model.stride, model.resample
        frame = stride**depth
        self.block = math.lcm(frame, raise_by) // raise_by
        self.sizes = [self.block * raise_by // stride**i for i in range(depth + 1)]
        self.reach, self.tail = down.shape[2] // 2, kernel - stride
        self.delays, self.beyond = [self.reach], [0]
        for _ in range(depth):
            self.delays.append(math.ceil((self.delays[-1] + self.tail) / stride))
            self.beyond.insert(0, stride * self.beyond[0] + self.tail)
        self.outer = [self.delays[depth] * stride ** (depth - i) for i in range(depth + 1)]
        self.delay = math.ceil((self.outer[0] + self.reach - raise_by + 1) / raise_by)
        # After so many blocks no value of a call is before the recording.
        self.field = frame + self.beyond[0]  # values at the raised rate that a frame depends on
        self.warm = math.ceil(max(self.outer[0], self.field) / self.sizes[0])
        self.cells = _with_reset(model.lstm)

    def initial(self) -> list[Tensor]:
        """See BlockStep."""
        memory = _Memory(None)
        seen, left = self.up.new_zeros(1), self.up.new_full((1,), ENDLESS)
        self._output(self.up.new_zeros(1, self.block), _Bounds(self, seen, left), memory)
        return [seen, left, *memory.old]

    def forward(self, wav: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """wav (1, k block), states -> output (1, k block), new states; see BlockStep."""
        seen, left, *rest = states
        memory = _Memory(rest)
        output = self._output(wav, _Bounds(self, seen, left), memory)
        return output, (seen + wav.shape[1] // self.block).clamp(max=self.warm), left * 1, *memory.new

    def _output(self, wav: Tensor, bounds: "_Bounds", memory: "_Memory") -> Tensor:
        """(1, k block) -> (1, k block)."""
        model, stride = self.model, self.model.stride
        x = F.conv1d(memory.joined(wav[:, None] / self.level, self.up.shape[2] - 1), self.up)
        x, maps = x.transpose(1, 2).reshape(1, 1, -1), []
        x = x * bounds.inside(x, 0, self.delays[0])
        for i, level in enumerate(model.encoder, 1):
            x = level(memory.joined(x, stride * self.delays[i] - self.delays[i - 1]))
            maps.append(x)
        x = x + self._recur(x, bounds, memory)
        decoder = cast("Iterable[nn.Sequential]", model.decoder)
        for i, level in zip(range(len(maps), 0, -1), decoder, strict=True):
            x = level[:2](x) * bounds.inside(x, i, self.outer[i])
            x = level[3:](memory.overlapped(x, cast(nn.ConvTranspose1d, level[2]), self.tail))
            if i > 1:
                skip = memory.joined(maps[i - 2], self.outer[i - 1] - self.delays[i - 1])
                x = x + skip[..., : x.shape[2]]
        x = x * bounds.inside(x, 0, self.outer[0])
        known = memory.joined(x, model.resample * self.delay + self.reach - self.outer[0])
        return F.conv1d(known, self.down, stride=model.resample)[:, 0] * self.level

    def _recur(self, x: Tensor, bounds: "_Bounds", memory: "_Memory") -> Tensor:
        """Encoded frames (1, C, T) -> output of the LSTM, whose states are zero at the first frame of the recording."""
        before = 1 - bounds.inside(x, len(self.sizes) - 1, self.delays[-1], at_end=False)[None, :, None]
        x = x.transpose(1, 2)
        for layer in self.cells:
            shape = (1, 1, self.model.lstm.hidden_size)
            hidden = memory.taken(x, shape), memory.taken(x, shape)
            x, hidden = layer(torch.cat((x, before), 2), hidden)
            memory.new += hidden
        return x.transpose(1, 2)


class _Bounds:
    """Begin and end of the recording, seen from the first sample of a call."""

    def __init__(self, step: DemucsStep, seen: Tensor, left: Tensor):
        self.step, self.seen = step, seen.long()
        model, (frames, *_) = step.model, step.sizes[::-1]
        self.samples = left.long() * model.resample
        missing = (left * model.resample - step.field) / model.stride ** len(model.encoder)
        self.frames = torch.maximum(missing.ceil(), -frames * seen).long() + 1

    def inside(self, x: Tensor, level: int, delay: int, at_end: bool = True) -> Tensor:
        """1 for values (..., T) of a level inside of the recording, 0 for others, (T,)."""
        step = self.step
        index = torch.arange(x.shape[-1], device=x.device) - delay
        inside = index >= -step.sizes[level] * self.seen
        if at_end:
            by_frames = self.frames * (step.sizes[level] // step.sizes[-1]) + step.beyond[level]
            end = by_frames if level else self.samples
            inside = inside & (index < end)
        return inside.to(x.dtype)


class _Memory:
    """What the layers remember, in the order of their computation; zeros before the first call."""

    def __init__(self, states: Iterable[Tensor] | None):
        self._states = None if states is None else iter(states)
        self.old: list[Tensor] = []
        self.new: list[Tensor] = []

    def taken(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The next state, of the type of ``x``."""
        self.old.append(x.new_zeros(shape) if self._states is None else next(self._states))
        return self.old[-1]

    def joined(self, x: Tensor, width: int) -> Tensor:
        """(..., T) -> the ``width`` values before, and these."""
        if not width:
            return x
        known = torch.cat((self.taken(x, (*x.shape[:-1], width)), x), -1)
        self.new.append(known[..., -width:])
        return known

    def overlapped(self, x: Tensor, layer: nn.ConvTranspose1d, tail: int) -> Tensor:
        """(1, C, T) -> (1, C', stride T): the sums that no later value changes."""
        y = F.conv_transpose1d(x, layer.weight, None, layer.stride)
        if tail:
            y = torch.cat((y[..., :tail] + self.taken(y, (*y.shape[:-1], tail)), y[..., tail:]), -1)
            self.new.append(y[..., -tail:])
            y = y[..., :-tail]
        return y if layer.bias is None else y + layer.bias[:, None]


def _with_reset(lstm: nn.LSTM) -> nn.ModuleList:
    """The layers of an LSTM, with one more input: 1 closes the input and forget gates, which makes the states zero."""
    layers = nn.ModuleList()
    for i in range(lstm.num_layers):
        width, bias, names = lstm.hidden_size, lstm.bias, ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        layer = nn.LSTM(width + 1, width, bias=bias, batch_first=True, device="meta")
        weights = {f"{name}_l0": getattr(lstm, f"{name}_l{i}").detach() for name in names[: 4 if bias else 2]}
        column = weights["weight_ih_l0"].new_zeros(4 * width, 1)
        column[: 2 * width] = _CLOSED
        weights["weight_ih_l0"] = torch.cat((weights["weight_ih_l0"], column), 1)
        layer.load_state_dict(weights, assign=True)
        layers.append(layer)
    return layers
