"""Devices of networks."""

from collections.abc import Callable

import torch
from torch import nn

from toolkit.io.errors import InputError


def device_of(model: Callable) -> torch.device | None:
    """The device of a model's parameters; None for a model without parameters."""
    parameter = next(model.parameters(), None) if isinstance(model, nn.Module) else None
    return None if parameter is None else parameter.device


def check_device(device: str) -> None:
    """Raise InputError if this machine lacks the device: ``cpu``, ``cuda`` or ``cuda:<number>``."""
    if device != "cpu" and int(device.partition(":")[2] or 0) >= torch.cuda.device_count():
        raise InputError(
            f"--device {device}: no such device here; use --device cpu (in a recipe: --gpu_inference false)"
        )
