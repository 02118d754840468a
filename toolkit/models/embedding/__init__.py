"""Enhancement of speaker embeddings: embedding of a noisy utterance to that of a clean one."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "EmbeddingRestorer",
        "drl": "DRL",
        "seed": "SEED",
    },
)
