"""Losses of networks that enhance speaker embeddings."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "disentanglement": "AdversarialTriplet CodeCorrelation DRLLoss EnvironmentTriplet SpeakerOfTriplet",
        "reconstruction": "EmbeddingReconstruction InputReconstruction",
    },
)
