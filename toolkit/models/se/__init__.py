"""Speech enhancement: noisy waveform -> enhanced waveform."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "SpeechEnhancer",
        "conv_tasnet": "ConvTasNet",
        "deepfilternet3": "DeepFilterNet3",
        "demucs": "Demucs",
        "gtcrn": "GTCRN",
    },
)
