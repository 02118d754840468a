"""Speech enhancement of recordings."""

from abc import ABC, abstractmethod
from numbers import Real
from typing import Any

import numpy as np

from toolkit.io.errors import InputError
from toolkit.systems.signals import recording_of


class EnhancerBase(ABC):
    """Noisy recording -> speech. A subclass runs the network in :meth:`estimate`."""

    @property
    @abstractmethod
    def fs(self) -> int:
        """Sampling rate of the network in Hz."""

    @abstractmethod
    def estimate(self, wav: np.ndarray) -> np.ndarray:
        """Samples (N,) float32 at ``fs`` -> speech (N,)."""

    def enhance(
        self, x, fs: int | None = None, observation: float = 0.0, channel: int | str | None = None
    ) -> np.ndarray:
        """The speech in a recording of any rate and length.

        Args:
            x: a file; or samples (N,) or (1, N): floats in [-1, 1], int16 or int32.
            fs: rate in Hz of samples.
            observation: beta of observation adding (SSL-MSE, section 4.3): the output is (1 - beta) times the estimate
                plus beta times the recording; 0 adds nothing, 1 returns the recording.
            channel: channel of a multichannel file, from 0, or ``"mean"``.

        Returns:
            (N,) float32 at the rate of ``x``.

        Raises:
            InputError: ``x`` is not a usable recording (toolkit.systems.signals.recording_of), or ``observation`` is
                not in [0, 1].
        """
        check_observation(observation)
        recording = recording_of(x, fs, channel=channel)
        wav = recording.at(self.fs)
        return recording.like((1 - observation) * self.estimate(wav) + observation * wav, self.fs)


def check_observation(observation: Any) -> None:
    """Raise InputError if beta of observation adding is not in [0, 1]."""
    if not (isinstance(observation, Real) and 0 <= float(observation) <= 1):
        raise InputError(f"observation {observation!r:.80} must be a number from 0 to 1")
