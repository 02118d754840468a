"""Steps of networks for ONNX files: operations that ONNX has, and explicit states."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.models.block_step import BlockStep
from toolkit.models.network import Network
from toolkit.models.se import GTCRN, Demucs
from toolkit.models.tse import GTCRNExtractor
from toolkit.systems.onnx.traceable import framed, samples_of_frames, spectrum_of, tapered


class _GtcrnStep(BlockStep):
    """GTCRN on frames of two hops. States: the last hop of input, the half frame that the next one overlaps, and those
    of the layers.
    """

    def __init__(self, model: GTCRN):
        super().__init__()
        self.model, self.stft = model, model.stft
        self.block = self.delay = self.stft.hop
        if self.stft.window != 2 * self.stft.hop:
            raise InputError(f"GTCRN: window {self.stft.window}: must be two hops to stream from an ONNX file")

    def initial(self) -> list[Tensor]:
        """Zeros, of the shapes that a frame leaves."""
        frame = torch.zeros(1, 2, self.stft.bins, 1)
        layers = [state for pair in self.model.frames(frame)[1] for state in pair]
        return [torch.zeros(1, self.block), torch.zeros(1, self.block), *map(torch.zeros_like, layers)]

    def forward(self, wav: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """wav (1, k block), states -> output (1, k block), new states; see BlockStep."""
        return self.extracted(wav, states, (1.0, 1.0))

    def extracted(self, wav: Tensor, states: tuple[Tensor, ...], gains: Iterable[Tensor | float]) -> tuple[Tensor, ...]:
        """As :meth:`forward`, with gains of GTCRN.frames."""
        recent, tail, *layers = states
        known = torch.cat((recent, wav), 1)
        pieces = framed(known, self.stft.window, self.block, wav.shape[1] // self.block)
        spectrum = spectrum_of(pieces, tapered(self.stft.taper), self.stft.window)
        spectrum = torch.stack((spectrum[..., ::2], spectrum[..., 1::2]), 1).transpose(2, 3)
        pairs = list(zip(layers[::2], layers[1::2], strict=True))
        enhanced, new = self.model.frames(spectrum, pairs, gains)
        first, second = samples_of_frames(self.stft, enhanced).split(self.block, 2)
        before = torch.cat((tail[:, None], second[:, :-1]), 1)
        weight = self.stft.taper.square().unflatten(0, (2, self.block)).sum(0)
        output = ((before + first) / weight).flatten(1)
        flat = [state for pair in new for state in pair]
        return output, known[:, known.shape[1] - self.block :], second[:, -1], *flat


class _GtcrnExtractorStep(BlockStep):
    """GTCRNExtractor. Its first state is the enrolled speaker, who stays: the gains of :meth:`speaker`."""

    def __init__(self, model: GTCRNExtractor):
        super().__init__()
        self.extractor, self.inner = model, _GtcrnStep(model.network)
        self.block, self.delay = self.inner.block, self.inner.delay

    def initial(self) -> list[Tensor]:
        """See BlockStep."""
        channels, bands = self.extractor.width
        return [torch.zeros(1, len(self.extractor.network.bottleneck) * channels * bands), *self.inner.initial()]

    def speaker(self, enrolment: Tensor) -> Tensor:
        """Enrolment (1, M) -> the state of the enrolled speaker."""
        return torch.cat([gain.flatten(1) for gain in self.extractor.gains(enrolment)], 1)

    def forward(self, wav: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """wav (1, k block), states -> output (1, k block), new states; see BlockStep."""
        speaker, *others = states
        gains = self.extractor.by_layer(speaker)
        output, *new = self.inner.extracted(wav, tuple(others), gains)
        return output, speaker * 1, *new  # an output of its own


class Enroller(nn.Module):
    """The state of the enrolled speaker, of a step of an extractor."""

    def __init__(self, step: Any):
        super().__init__()
        self.step = step

    def forward(self, enrolment: Tensor) -> Tensor:
        """(1, M) samples -> (1, G)."""
        return self.step.speaker(enrolment)


def with_speaker(step: bytes, enroller: bytes, state: str) -> bytes:
    """The ONNX file of a step with a further input ``enrolment`` (1, M): where M > 0 it gives the value of a state."""
    import onnx
    from onnx import helper

    model, inner = onnx.load_from_string(step), onnx.load_from_string(enroller)
    inner = onnx.compose.add_prefix(inner, "enroller/", rename_inputs=False)
    (enrolment,), (speaker,) = inner.graph.input, inner.graph.output
    for node in model.graph.node:
        node.input[:] = [speaker.name if name == state else name for name in node.input]
    enrolled = helper.make_graph(inner.graph.node, "enrolled", [], [speaker], inner.graph.initializer)
    known = [helper.make_node("Identity", [state], [speaker.name])]
    choice = [
        helper.make_node("Size", [enrolment.name], ["enroller/size"]),
        helper.make_node("Constant", [], ["enroller/none"], value_int=0),
        helper.make_node("Greater", ["enroller/size", "enroller/none"], ["enroller/given"]),
        helper.make_node(
            "If",
            ["enroller/given"],
            [speaker.name],
            then_branch=enrolled,
            else_branch=helper.make_graph(known, "known", [], [speaker]),
        ),
    ]
    nodes = [*choice, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.input.append(enrolment)
    return model.SerializeToString()


def step_of(network: Network) -> BlockStep:
    """The step of a network, in eval mode. Raises InputError if it has none."""
    if isinstance(network, Demucs):
        return network.step(network.fixed_level()).eval()
    if isinstance(network, GTCRN):
        return _GtcrnStep(network).eval()
    if isinstance(network, GTCRNExtractor):
        return _GtcrnExtractorStep(network).eval()
    raise InputError(
        f"{type(network).__name__}: has no form with explicit states; ONNX files that stream: GTCRN, Demucs with a "
        "fixed level, GTCRNExtractor"
    )
