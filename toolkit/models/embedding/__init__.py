"""Enhancement of speaker embeddings: embedding of noisy speech -> embedding of clean speech."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "EmbeddingRestorer",
        "drl": "DRL",
        "projection": "SpeakerProjection",
        "seed": "SEED",
    },
)
