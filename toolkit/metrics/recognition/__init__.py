"""Error rates of speech recognition."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(__name__, {"word_errors": "ErrorCounts count_errors resample_rate"})
