"""Intent classification: training, validation, scores."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(__name__, {"intent_task": "IntentTask"})
