"""Speech recognition: training and validation."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(__name__, {"recognition_task": "RecognitionTask"})
