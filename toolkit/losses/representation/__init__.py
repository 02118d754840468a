"""Losses of self-supervised learning."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(__name__, {"masked_prediction": "MaskedPrediction"})
