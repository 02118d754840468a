"""Trained systems as objects: load a system and apply it to audio."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "System",
        "verifier": "Score Verifier",
        "embedding_enhancer": "EmbeddingEnhancer",
        "enhancer": "Enhancer",
        "extractor": "Extractor",
        "intent_recognizer": "IntentRecognizer",
        "kinds": "system_class task_of",
        "packing": "pack",
        "recognizer": "Recognizer",
        "ssl_encoder": "SSLEncoder",
        "trained_embedder": "TrainedEmbedder",
        "trained_ssl": "TrainedSSL",
        "trained_transcriber": "TrainedTranscriber",
        "unit_file": "read_units",
    },
)
