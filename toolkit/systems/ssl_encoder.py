"""Self-supervised speech representations by a trained network."""

import numpy as np
import torch

from toolkit.io.config import ConfigParser
from toolkit.metrics.cost.complexity import noise
from toolkit.models.ssl.log_mel_hubert import LogMelHubert
from toolkit.models.ssl.masked_predictor import MaskedPredictor
from toolkit.systems.base import System
from toolkit.systems.signals import recording_of
from toolkit.train.experiment import default


class SSLEncoder(System):
    """Recording -> hidden states of all layers.

    Example::

        encoder = SSLEncoder.load("exp/ssl_train_hubert_mfcc100")
        states = encoder.extract("a.wav")  # num_layers + 1 times (T, D)
    """

    task = "ssl"
    network_type = MaskedPredictor
    network: MaskedPredictor

    @classmethod
    def add_network_arguments(cls, parser: ConfigParser) -> None:
        """Add the config key of the network."""
        parser.add_argument("--model", type=MaskedPredictor, default=default(LogMelHubert), help="waveform to units")

    def extract(self, x, fs: int | None = None, channel: int | str | None = None) -> list[np.ndarray]:
        """The input of the transformer and the outputs of its layers, (T, D) float32 each, of a recording of any rate.

        Args:
            x: a file; or samples (N,) or (1, N): floats in [-1, 1], int16 or int32.
            fs: rate in Hz of samples.
            channel: channel of a multichannel file, from 0, or ``"mean"``.

        Raises:
            InputError: ``x`` is not a usable recording (toolkit.systems.signals.recording_of).
        """
        samples = recording_of(x, fs, channel=channel).at(self.fs)
        with self.inferring():
            states = self.network.hidden_states(torch.from_numpy(samples)[None].to(self.device))
        return [state[0].float().cpu().numpy() for state in states]

    def example(self, seconds: float) -> tuple:
        """See System; with the number of layers."""
        return noise(seconds, self.fs).to(self.device), self.network.num_layers

    def lines(self, facts) -> dict[str, str]:
        """See System; with the sizes of layers and units."""
        network = self.network
        sizes = f"{network.num_layers}, {network.dim} per frame, {network.num_clusters} units"
        return {"layers": sizes} | super().lines(facts)
