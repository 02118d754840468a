"""Speech enhancement and target speaker extraction: training, scoring of audio."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "enhancement_task": "EnhancementTask",
        "extraction_task": "ExtractionTask",
    },
)
