"""Losses between enhanced embeddings and those of clean speech."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(__name__, {"reconstruction": "EmbeddingReconstruction"})
