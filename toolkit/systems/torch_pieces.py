"""Streams of networks in torch, for arrays of numpy."""

import numpy as np
import torch

from toolkit.models.network_stream import NetworkStream


class TorchPieces:
    """A stream of toolkit.systems.audio_stream.

    Args:
        network: the state of the network; in eval mode.
    """

    def __init__(self, network: NetworkStream):
        self.latency, self._network = network.latency, network

    @torch.inference_mode()
    def process(self, chunk: np.ndarray) -> np.ndarray:
        """(N,) samples -> (M,) output samples that are complete."""
        return self._network.process(torch.from_numpy(chunk)).float().cpu().numpy()

    @torch.inference_mode()
    def flush(self) -> np.ndarray:
        """The rest (M,)."""
        return self._network.flush().float().cpu().numpy()
