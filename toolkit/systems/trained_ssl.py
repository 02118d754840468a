"""A trained self-supervised network as a part of a config: of SSL-MSE, of probes, of speech units."""

import copy

import torch

from toolkit.models.ssl.base import SSLModel
from toolkit.models.ssl.masked_predictor import MaskedPredictor
from toolkit.systems.ssl_encoder import SSLEncoder


class TrainedSSL(SSLModel):
    """The network of an experiment of task ``ssl``, or of a packed one.

    Args:
        system: folder or zip, as for SSLEncoder.load.
        weights: weights file of a folder; None: the one that training selects.

    Raises:
        InputError: as SSLEncoder.load.

    Example::

        ssl: {class_path: TrainedSSL, init_args: {system: ../ssl/exp/ssl_x}}
    """

    def __init__(self, system: str, weights: str | None = None):
        self.system = system
        with torch.random.fork_rng(devices=[]):
            self._network = SSLEncoder.load(system, weights).network
        self.fs, self.num_layers, self.dim = self._network.fs, self._network.num_layers, self._network.dim

    def load(self) -> MaskedPredictor:
        """See SSLModel."""
        return copy.deepcopy(self._network)
