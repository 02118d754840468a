"""A network that is used and not trained."""

from collections.abc import Callable

from torch import nn


class FrozenModule(nn.Module):
    """Holds a network in eval mode, out of ``parameters``, ``state_dict`` and ``train`` of whatever it is part of.

    It goes along to devices and types, and gradients pass through it to its input.

    Args:
        network: is changed: eval mode, no gradients for its parameters.
    """

    network: nn.Module

    def __init__(self, network: nn.Module):
        super().__init__()
        self.__dict__["network"] = network.eval().requires_grad_(False)  # past nn.Module, which would register it

    def forward(self, *args, **kwargs):
        """As the network's own: of an SSL model (B, N) samples -> its layers, each (B, T, D)."""
        return self.network(*args, **kwargs)

    def _apply(self, fn: Callable, recurse: bool = True) -> "FrozenModule":
        """What ``to``, ``cuda`` and the like go through."""
        self.network._apply(fn)
        return super()._apply(fn, recurse)
