"""Self-supervised speech representations."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "LayerwiseNetwork SSLModel",
        "frame_clusters": "FrameSample",
        "log_mel_hubert": "LogMelHubert",
        "masked_predictor": "MaskedPredictor StoredSSL",
        "speech_units": "LayerFeatures SpeechUnits",
        "wav2vec2": "Layers Pretrained Untrained",
        "weighted_layers": "SSLFeatures WeightedLayers",
    },
)
