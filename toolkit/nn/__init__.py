"""Blocks that two or more models share."""

from toolkit.exports import exports

__all__, __getattr__, __dir__ = exports(
    __name__,
    {
        "arn": "ARN",
        "attention": "CellBatchNorm2d ConvolutionalBlockAttention LocalGlobalAttention PointwiseContext",
        "deep_filter": "DeepFilter",
        "dense_unet": "Conv2dBlock DenseBlock PyramidPooling Transposed2dBlock",
        "device": "check_device device_of",
        "feature_norm": "utterance_norm",
        "frozen": "FrozenModule",
        "interaction": "IterativeFeatureIntegration contextual_interaction",
        "local_global": "LocalGlobal SpeakerCues",
        "mask": "length_mask masked_mean zero_padding",
        "multihead": "MultiHeadAttention RelativeAttention",
        "pooling": "AttentiveStatisticsPooling StatisticsPooling",
        "res2net": "AttentionalFeatureFusion Res2NetBlock Res2NetStage",
        "resnet": "ResidualStage SEBasicBlock SqueezeExcitation2d",
        "tcn": "GlobalLayerNorm TemporalBlock TemporalNetwork",
        "tdnn": "Res2Tdnn SERes2Block SqueezeExcitation TdnnBlock",
        "transformer_decoder": "TransformerDecoder",
        "unet": "Decoder Encoder Merge",
    },
)
