"""Losses on speaker embeddings."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "margin": "AAMSoftmax AMSoftmax AngularPrototypical SoftmaxCE SpeakerLoss",
        "paranoise": "ParaNoiseLoss",
    },
)
