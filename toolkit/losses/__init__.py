"""Training losses: the contract, the weighted sum for every task, and those of each task in rooms of their own."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "Loss TrainingFacts",
        "weighted_sum": "WeightedSum",
        "speaker.margin": "AAMSoftmax AngularPrototypical SoftmaxCE SpeakerLoss",
        "speaker.paranoise": "ParaNoiseLoss",
        "enhancement.ssl_mse": "SSLMSE",
        "enhancement.waveform": "EnhancementLoss LMFB Multitask SISNR SNR",
    },
)
