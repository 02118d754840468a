"""Parameters, MACs, time and memory of a network."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "complexity": "count_macs count_macs_thop count_parameters profile",
    },
)
