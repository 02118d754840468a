"""Enhancement and extraction of audio as it arrives."""

from typing import Protocol

import numpy as np

from toolkit.io.errors import InputError
from toolkit.systems.signals import samples_of


class Pieces(Protocol):
    """A network on pieces (N,) float32 of any length; see toolkit.models.network_stream.NetworkStream."""

    latency: int

    def process(self, chunk: np.ndarray) -> np.ndarray:
        """(N,) samples -> (M,) output samples that are complete."""

    def flush(self) -> np.ndarray:
        """The rest (M,)."""


def in_pieces(network: Pieces, wav: np.ndarray, seconds: float, fs: int) -> np.ndarray:
    """(N,) samples at ``fs`` -> (N,) output of a network before its first sample, which gets some seconds at once."""
    step = max(1, round(seconds * fs))
    return np.concatenate([*map(network.process, np.split(wav, range(step, len(wav), step))), network.flush()])


class AudioStream:
    """Samples in, samples out, for pieces of any length; made by ``Enhancer.stream`` and ``Extractor.stream``.

    The outputs together are as long as the inputs, and equal the offline output of the same system within 1e-5.

    Args:
        network: the state of the network.
        fs: its sampling rate in Hz.
        observation: see :meth:`toolkit.systems.Enhancer.enhance`.

    Attributes:
        fs: sampling rate of input and output in Hz.
        latency_samples: algorithmic latency: sample t comes out once sample t + latency has come in, or earlier. The
            time of the computation is not in it.

    Example::

        stream = Enhancer.load("exp/se_train_gtcrn").stream()
        for samples in microphone:  # (N,) each, of any N
            play(stream.process(samples))
        play(stream.flush())
    """

    def __init__(self, network: Pieces, fs: int, observation: float = 0.0):
        self.fs, self.latency_samples, self.observation = fs, network.latency, observation
        self._network, self._ended = network, False
        self._waiting = np.zeros(0, np.float32)  # input whose output is not complete

    @property
    def latency_ms(self) -> float:
        """The algorithmic latency in milliseconds."""
        return 1000 * self.latency_samples / self.fs

    def process(self, samples) -> np.ndarray:
        """The next samples -> the output samples that are complete.

        Args:
            samples: (N,) at ``fs``: floats in [-1, 1], int16 or int32; N may be 0.

        Returns:
            (M,) float32; M may be 0.

        Raises:
            InputError: ``samples`` are not samples of one channel or not finite, or the stream has ended.
        """
        if self._ended:
            raise InputError("the stream has ended; open another one")
        if not np.size(samples):
            return np.zeros(0, np.float32)
        chunk = np.require(samples_of(samples, "piece of the stream"), np.float32, ["C", "W"])
        if not np.isfinite(chunk).all():
            raise InputError("the piece of the stream holds NaN or infinity; check the source of the samples")
        self._waiting = np.concatenate([self._waiting, chunk])
        return self._given(self._network.process(chunk))

    def flush(self) -> np.ndarray:
        """The rest of the output, (M,) float32; ends the stream."""
        if self._ended:
            raise InputError("the stream has ended; open another one")
        self._ended = True
        if not len(self._waiting):
            return self._waiting
        return self._given(self._network.flush())

    def _given(self, made: np.ndarray) -> np.ndarray:
        """Output (M,) of the network, with the share of the input of the same time."""
        beta = self.observation
        heard, self._waiting = self._waiting[: len(made)], self._waiting[len(made) :]
        return np.asarray((1 - beta) * made + beta * heard, np.float32) if beta else made
