"""Losses of speech recognition."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(__name__, {"ctc_attention": "CTCAttention"})
