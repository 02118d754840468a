"""Streams of networks that read and write frames of a spectrogram."""

from collections.abc import Callable

import torch
from torch import Tensor

from toolkit.features.complex_stft import ComplexSTFT
from toolkit.models.network_stream import NetworkStream

State = tuple[Tensor | None, ...]  # of a layer: its memory of earlier frames


class FrameStream(NetworkStream):
    """Streaming state of a recording: unframed samples, frames that overlap the next ones, states of the layers.

    Args:
        stft: of the network.
        network: frames (1, 2, F, T), states (None at the start) -> frames, states.
        device: of the network; None: where the samples are.
    """

    def __init__(
        self, stft: ComplexSTFT, network: Callable[..., tuple[Tensor, list[State]]], device: torch.device | None
    ):
        self.stft, self.network, self.device, self.latency = stft, network, device, stft.window
        self.before = stft.window - stft.hop  # overlap of adjacent frames in samples
        self.recent: Tensor | None = None
        self.frames: Tensor | None = None
        self.states: list[State] | None = None
        self.heard = self.given = 0

    @torch.inference_mode()
    def process(self, chunk: Tensor) -> Tensor:
        """(N,) samples -> (M,) enhanced samples that no later frame overlaps."""
        self.heard += len(chunk)
        return self._advance(chunk, (self.heard // self.stft.hop) * self.stft.hop - self.before)

    @torch.inference_mode()
    def flush(self) -> Tensor:
        """(M,) enhanced samples up to the end."""
        assert self.recent is not None, "at least one chunk comes first"
        padding = self.recent.new_zeros(self.stft.hop * self.stft.num_frames(self.heard) - self.heard)
        return self._advance(padding, self.heard)

    def _advance(self, chunk: Tensor, end: int) -> Tensor:
        """(N,) samples -> enhanced samples from the previous end to ``end``."""
        stft, shared = self.stft, self.before // self.stft.hop
        self.recent = torch.cat((chunk.new_zeros(self.before) if self.recent is None else self.recent, chunk))
        count = (len(self.recent) - self.before) // stft.hop
        if not count:
            return chunk[:0]
        framed = self.recent[None, : self.before + count * stft.hop].to(self.device)
        spectrum = stft(framed)[0][..., shared : shared + count]
        enhanced, self.states = self.network(spectrum, self.states)
        self.recent = self.recent[count * stft.hop :]
        self.frames = enhanced if self.frames is None else torch.cat((self.frames, enhanced), 3)
        if end <= self.given:
            return chunk[:0]
        out = stft.inverse(self.frames, end - self.given)[0].to(chunk.device)
        self.given, self.frames = end, self.frames[..., self.frames.shape[3] - shared :]
        return out
