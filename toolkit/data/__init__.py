"""Training data: from data dirs and plans to batches."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "batches": "Batches BucketBatches CropBatches",
        "datasets": "FeatureDataset MixtureDataset TrainingDataset",
        "extraction": "ExtractionDataset",
        "intents": "Intents",
        "item": "ItemSpec",
        "pairs": "AudioPairs EmbeddingPairs",
        "text_units": "TextUnits train_units",
        "transcribed": "RecognitionDataset",
    },
)
