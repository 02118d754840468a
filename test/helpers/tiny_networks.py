"""Every exported network of SE, TSE, SV and embedding enhancement, at a tiny size, untrained."""

from collections.abc import Callable

import torch

from test.helpers.plain import after_training
from toolkit.features import KaldiFbank, LogMelSpectrogram, MelPower, SpeechBrainFbank, Waveform
from toolkit.features.frontend import FrontEnd
from toolkit.models.embedding import DRL, SEED, SpeakerProjection
from toolkit.models.network import Network
from toolkit.models.se import GTCRN, ConvTasNet, Demucs
from toolkit.models.ssl import Untrained
from toolkit.models.sv import (
    GE2E,
    EcapaTdnn,
    EnhancedEncoder,
    ERes2NetV2,
    MeanFbank,
    ParaNoise,
    ReDimNet2,
    ResNet34,
    SpeakerEmbedder,
    WavLmEcapa,
    XVector,
)
from toolkit.models.tse import LGRTSE, SDPCCN, TEAPSE, GatedCRN, GTCRNExtractor, SEFPNet, Speakerfilter, VoiceFilter

_DPCCN = {"stem_channels": 4, "dense_channels": (6, 8), "conv_channels": (10, 12), "dense_depth": 2, "tcn_blocks": 2}
_SEFPNET = _DPCCN | {"integration_channels": 5, "mix_channels": 6}
_FRAMES = {"window": 64, "hop": 32}
_LOCAL = _FRAMES | {"local_hidden": 4, "channels": (2, 3, 4)}
_TEA = _FRAMES | {"local_hidden": 4, "channels": 3, "levels": 3, "squeezed": 4, "dilations": (1, 2), "groups": 2}
_VOICE = _FRAMES | {"local_hidden": 4, "channels": 3, "dilations": (1, 2), "reduced": 2, "lstm": 4, "hidden": 5}
_REDIM = {"channels": 4, "strides": ((1, 1), (2, 2), (1, 2)), "blocks": (2, 1, 1), "expansions": (2, 1, 1)}


def fbank(fs: int = 16000) -> KaldiFbank:
    """Of few filters."""
    return KaldiFbank(fs, n_mels=20)


def _verifier(front: FrontEnd, network, normalize: str = "mean") -> SpeakerEmbedder:
    return SpeakerEmbedder(front, network, normalize)


def ecapa(fs: int = 16000, **options) -> SpeakerEmbedder:
    """The tiny ECAPA-TDNN."""
    network = EcapaTdnn(n_mels=20, channels=16, mfa_channels=24, embedding_dim=8, **options)
    return _verifier(fbank(fs), network, "mean_var")


def _wavlm() -> SpeakerEmbedder:
    ssl = Untrained(num_layers=2)
    return _verifier(Waveform(), WavLmEcapa(ssl, channels=16, embedding_dim=8), "none")


VERIFIERS: dict[str, Callable[[], Network]] = {
    "EcapaTdnn": ecapa,
    "EcapaTdnn-8kHz": lambda: ecapa(8000),
    "EcapaTdnn-SpeechBrain": lambda: _verifier(
        SpeechBrainFbank(n_mels=20), EcapaTdnn(20, 16, 24, 8, padding="reflect", pooling="l2")
    ),
    "EnhancedEncoder": lambda: _verifier(
        MelPower(), EnhancedEncoder(GE2E(hidden=8, num_layers=2, embedding_dim=8), SEED(8, blocks=1)), "none"
    ),
    "ERes2NetV2": lambda: _verifier(fbank(), ERes2NetV2(n_mels=20, channels=8, blocks=(1, 1, 1, 1), embedding_dim=8)),
    "GE2E": lambda: _verifier(MelPower(), GE2E(hidden=8, num_layers=2, embedding_dim=8), "none"),
    "GE2E-pooled": lambda: _verifier(MelPower(), GE2E(hidden=8, num_layers=2, embedding_dim=8, pooled=True), "none"),
    "MeanFbank": lambda: _verifier(fbank(), MeanFbank(20), "none"),
    "ParaNoise": lambda: _verifier(
        LogMelSpectrogram(n_mels=20),
        ParaNoise(n_mels=20, channels=(8, 8, 16, 24), blocks=(1, 1, 1, 1), embedding_dim=8, base_width=32),
    ),
    "ReDimNet2": lambda: _verifier(
        LogMelSpectrogram(n_mels=12, n_mfcc=12),
        ReDimNet2(12, 8, reductions=(12, 6, 6), out_channels=3, attention_channels=6, **_REDIM),
    ),
    "ResNet34": lambda: _verifier(
        fbank(), ResNet34(n_mels=20, channels=(8, 8, 16), blocks=(1, 1, 1), strides=(1, 2, 2), embedding_dim=8)
    ),
    "WavLmEcapa": _wavlm,
    "XVector": lambda: _verifier(fbank(), XVector(20, 8, 8, 12, 8)),
}
ENHANCERS: dict[str, Callable[[], Network]] = {
    "ConvTasNet": lambda: ConvTasNet(8000, filters=16, filter_samples=16, bottleneck=6, hidden=8, blocks=2, repeats=1),
    "Demucs": lambda: Demucs(hidden=8, depth=3),
    "GTCRN": lambda: GTCRN(**_FRAMES, low_bins=9, erb_bands=8, channels=8),
}
EXTRACTORS: dict[str, Callable[[], Network]] = {
    "GTCRNExtractor": lambda: GTCRNExtractor(ecapa(), **_FRAMES, low_bins=9, erb_bands=8, channels=8),
    "GatedCRN": lambda: GatedCRN(ecapa(), representation="lgr", **_LOCAL),
    "LGRTSE": lambda: LGRTSE(ecapa(), **_LOCAL),
    "SDPCCN": lambda: SDPCCN(8000, 64, 16, 7, **_DPCCN),
    "SEFPNet": lambda: SEFPNet(window=64, hop=16, **_SEFPNET),
    "Speakerfilter": lambda: Speakerfilter(representation="local", **_LOCAL),
    "TEAPSE": lambda: TEAPSE(ecapa(), representation="lgr", **_TEA),
    "VoiceFilter": lambda: VoiceFilter(ecapa(), **_VOICE),
}
RESTORERS: dict[str, Callable[[], Network]] = {
    "DRL": lambda: DRL(8),
    "SEED": lambda: SEED(8, blocks=1),
    "SpeakerProjection": lambda: SpeakerProjection(8, 5, 4),
}


def tiny(name: str) -> Network:
    """The network, in eval mode, with random statistics of its batch norms; the same for the same name."""
    torch.manual_seed(0)
    network = after_training((VERIFIERS | ENHANCERS | EXTRACTORS | RESTORERS)[name]())
    for parameter in network.parameters():
        if parameter.dim() > 1 and not parameter.any():  # SEED begins at zero
            torch.nn.init.normal_(parameter, std=0.3)
    return network
