"""Training losses: base class and weighted sum here; one package each for speaker, enhancement, embedding and text."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "Loss TrainingFacts",
        "weighted_sum": "WeightedSum",
    },
)
