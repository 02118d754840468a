"""Speech enhancement by a trained network."""

import numpy as np
import torch

from toolkit.io.config import ConfigParser
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.se.conv_tasnet import ConvTasNet
from toolkit.systems.audio_stream import AudioStream
from toolkit.systems.base import System
from toolkit.systems.inference.enhancer_base import EnhancerBase, check_observation
from toolkit.systems.torch_pieces import TorchPieces
from toolkit.train.experiment import default


class Enhancer(System, EnhancerBase):
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

    def estimate(self, wav: np.ndarray) -> np.ndarray:
        """Samples (N,) float32 at ``fs`` -> speech (N,)."""
        with self.inferring():
            return self.network.enhance(torch.from_numpy(wav)).numpy()

    def stream(self, observation: float = 0.0) -> AudioStream:
        """Enhance audio at ``fs`` as it arrives; several streams of a system are independent.

        Args:
            observation: see :meth:`enhance`.

        Raises:
            InputError: the network is not causal, or ``observation`` is not in [0, 1].
        """
        check_observation(observation)
        self.network.eval()
        return AudioStream(TorchPieces(self.network.open_stream()), self.fs, observation)
