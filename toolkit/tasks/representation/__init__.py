"""Self-supervised speech representations: training, validation, scores."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(__name__, {"representation_task": "RepresentationTask"})
