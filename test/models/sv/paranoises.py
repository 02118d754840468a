"""ParaNoise-SV at sizes for tests, and the variants that the paper runs."""

import torch

from toolkit.models.sv.paranoise import ParaNoise

VARIANTS = [
    {},
    {"parallel": ("dec",)},
    {"parallel": ("enc", "dec")},
    {"parallel": ()},
    {"noise": "class"},
    {"noise": "snr"},
    {"noise": "class+snr"},
    {"noise": "none", "parallel": ()},
]


def small(**changes) -> ParaNoise:
    sizes = {"n_mels": 20, "channels": (8, 8, 16, 24), "blocks": (1, 2, 1, 1), "embedding_dim": 12, "base_width": 32}
    return ParaNoise(**(sizes | changes))


def count(*modules: torch.nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())


def on_paper(**options) -> ParaNoise:
    """A network of full size without memory, to count its parameters."""
    with torch.device("meta"):
        return ParaNoise(**options)
