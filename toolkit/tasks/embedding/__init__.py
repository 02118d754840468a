"""Enhancement of speaker embeddings: training on pairs of clean and distorted speech."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(__name__, {"embedding_task": "EmbeddingTask"})
