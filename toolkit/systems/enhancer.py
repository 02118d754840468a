"""Speech enhancement by a trained network."""

from numbers import Real

import numpy as np
import torch

from toolkit.io.config import ConfigParser
from toolkit.io.errors import InputError
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.se.conv_tasnet import ConvTasNet
from toolkit.systems.base import System
from toolkit.systems.signals import recording_of
from toolkit.train.experiment import default


class Enhancer(System):
    """Noisy recording -> speech.

    Example::

        enhancer = Enhancer.load("exp/se_train_convtasnet_snr")
        speech = enhancer.enhance("noisy.wav")  # same rate and length as the file
        speech = enhancer.enhance(samples, fs=48000)
    """

    task = "se"
    network_type = SpeechEnhancer
    network: SpeechEnhancer

    @classmethod
    def add_network_arguments(cls, parser: ConfigParser) -> None:
        """Add the config key of the network."""
        parser.add_argument("--model", type=SpeechEnhancer, default=default(ConvTasNet), help="mixture to signal")

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
        if not (isinstance(observation, Real) and 0 <= observation <= 1):
            raise InputError(f"observation {observation!r:.80} must be a number from 0 to 1")
        recording = recording_of(x, fs, channel=channel)
        wav = recording.at(self.fs)
        with self.inferring() as network:
            estimate = network.enhance(torch.from_numpy(wav)).numpy()
        return recording.like((1 - observation) * estimate + observation * wav, self.fs)
