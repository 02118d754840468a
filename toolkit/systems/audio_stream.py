"""Enhancement and extraction of audio as it arrives."""

import numpy as np
import torch

from toolkit.io.errors import InputError
from toolkit.models.network_stream import NetworkStream
from toolkit.systems.signals import samples_of


class AudioStream:
    """Samples in, samples out, for pieces of any length; made by ``Enhancer.stream`` and ``Extractor.stream``.

    The outputs together are as long as the inputs, and equal the offline output of the same system within 1e-5.

    Args:
        network: the state of the network; in eval mode.
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

    def __init__(self, network: NetworkStream, fs: int, observation: float = 0.0):
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
        with torch.inference_mode():
            return self._given(self._network.process(torch.from_numpy(chunk)))

    def flush(self) -> np.ndarray:
        """The rest of the output, (M,) float32; ends the stream."""
        if self._ended:
            raise InputError("the stream has ended; open another one")
        self._ended = True
        if not len(self._waiting):
            return self._waiting
        with torch.inference_mode():
            return self._given(self._network.flush())

    def _given(self, output: torch.Tensor) -> np.ndarray:
        """Output (M,) of the network, with the share of the input of the same time."""
        made, beta = output.float().cpu().numpy(), self.observation
        heard, self._waiting = self._waiting[: len(made)], self._waiting[len(made) :]
        return np.asarray((1 - beta) * made + beta * heard, np.float32) if beta else made
