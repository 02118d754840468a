"""Losses over recognised text."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(__name__, {"ctc_attention": "CTCAttention"})
