"""Front ends: waveform to features."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "complex_stft": "ComplexSTFT",
        "frontend": "FrontEnd",
        "kaldi_fbank": "KaldiFbank",
        "log_mel": "LogMelSpectrogram",
        "mel_inversion": "MelInversion",
        "mel_power": "MelPower",
        "mfcc": "MFCC",
        "specaugment": "SpecAugment",
        "speechbrain_fbank": "SpeechBrainFbank",
        "raw_waveform": "Waveform",
    },
)
