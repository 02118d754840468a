"""A wrapper for a network that is used but not trained."""

from collections.abc import Callable

from torch import nn


class FrozenModule(nn.Module):
    """Holds a network in eval mode, hidden from ``parameters``, ``state_dict`` and ``train`` of the outer module.

    Moves to devices and types still apply, and gradients pass through it to its input.

    Args:
        network: the network; it is set to eval mode, without gradients for its parameters.
    """

    network: nn.Module

    def __init__(self, network: nn.Module):
        super().__init__()
        self.__dict__["network"] = network.eval().requires_grad_(False)  # bypasses the registration by nn.Module

    def forward(self, *args, **kwargs):
        """As the network: for an SSL model (B, N) samples -> layers, each (B, T, D)."""
        return self.network(*args, **kwargs)

    def _apply(self, fn: Callable, recurse: bool = True) -> "FrozenModule":
        """Called by ``to``, ``cuda`` and similar methods."""
        self.network._apply(fn)
        return super()._apply(fn, recurse)
