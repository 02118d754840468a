"""Losses over intents."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(__name__, {"slot_cross_entropy": "SlotCrossEntropy"})
