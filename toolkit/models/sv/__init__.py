"""Speaker verification: waveform or features -> speaker embedding."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "base": "SpeakerEncoder",
        "ecapa_tdnn": "EcapaTdnn",
        "embedder": "SpeakerEmbedder",
        "enhanced_encoder": "EnhancedEncoder",
        "eres2netv2": "ERes2NetV2",
        "ge2e": "GE2E",
        "mean_fbank": "MeanFbank",
        "paranoise": "ParaNoise",
        "redimnet2": "ReDimNet2",
        "resnet34": "ResNet34",
        "wavlm_ecapa": "WavLmEcapa",
        "xvector": "XVector",
    },
)
