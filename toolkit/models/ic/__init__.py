"""Intent classification: waveform to the values of slots."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "IntentModel",
        "intent_classifier": "IntentClassifier",
        "mean_pool_intent": "MeanPoolIntent",
        "tdnn_intent": "TdnnIntent",
    },
)
