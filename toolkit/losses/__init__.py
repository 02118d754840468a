"""Training losses: the contract and the weighted sum for every task; the others are in rooms by what they compare."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "Loss TrainingFacts",
        "weighted_sum": "WeightedSum",
    },
)
