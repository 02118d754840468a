"""Speech units: the nearest cluster of each frame, which masked prediction has as its targets."""

from typing import cast

import torch
from torch import Tensor, nn

from toolkit.models.ssl.masked_predictor import MaskedPredictor


class LayerFeatures(nn.Module):
    """A hidden state of a trained network as features.

    Args:
        network: the network.
        layer: number of the hidden state; 0 is the input of the transformer.
    """

    def __init__(self, network: MaskedPredictor, layer: int):
        super().__init__()
        self.network, self.layer, self.fs, self.dim = network, layer, network.fs, network.dim

    def forward(self, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """wav (B, N), lengths (B,) samples or None -> (B, T, D), (B,) frames or None."""
        x, frames = self.network.embed(wav, lengths)
        return self.network.transform(x, frames, self.layer)[self.layer], frames


class SpeechUnits(nn.Module):
    """The number of the nearest centroid of each frame.

    Args:
        features: module with ``fs`` and ``dim``, wav (B, N), lengths -> (B, T, F), frames: MFCC, LayerFeatures.
        centroids: (C, F).

    Example::

        units = SpeechUnits(MFCC(), torch.randn(100, 39))
        units(torch.randn(2, 16000))[0].shape  # (2, 51)
    """

    fs: int
    centroids: Tensor

    def __init__(self, features: nn.Module, centroids: Tensor):
        super().__init__()
        self.fs, self.num_units, self.features = cast(int, features.fs), len(centroids), features
        self.register_buffer("centroids", centroids.float())

    @torch.no_grad()
    def forward(self, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """wav (B, N), lengths (B,) samples or None -> units (B, T) int64, (B,) frames or None."""
        with torch.autocast(wav.device.type, enabled=False):
            x, frames = self.features(wav.float(), lengths)
            products = x.float() @ self.centroids.T
            return (self.centroids.square().sum(1) - 2 * products).argmin(2), frames
