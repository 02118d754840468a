"""Losses between an output signal and its reference signal."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "absent": "AbsentTarget",
        "asr_loss": "ASRLoss",
        "ri_mag": "RIMag RIMagSISNR",
        "ssl_mse": "SSLMSE",
        "waveform": "EnhancementLoss LMFB Multitask SISNR SNR",
    },
)
