"""Gated linear units."""

from torch import Tensor, nn


class Gated(nn.Module):
    """value(x) sigma(gate(x)), a gated linear unit (Dauphin et al. 2017, arXiv 1612.08083, eq. 1).

    Args:
        value, gate: layers with the same input and equal output shapes.

    Example::

        Gated(nn.Conv2d(2, 16, 3), nn.Conv2d(2, 16, 3))(torch.randn(1, 2, 161, 100)).shape  # (1, 16, 159, 98)
    """

    def __init__(self, value: nn.Module, gate: nn.Module):
        super().__init__()
        self.value, self.gate = value, gate

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...), the input of both layers -> (B, ...), the shape of their outputs."""
        return self.value(x) * self.gate(x).sigmoid()
