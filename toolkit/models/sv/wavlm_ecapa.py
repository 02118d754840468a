"""ECAPA-TDNN on the layers of a self-supervised model."""

from torch import Tensor

from toolkit.io.errors import InputError
from toolkit.models.ssl.base import SSLModel
from toolkit.models.ssl.weighted_layers import WeightedLayers
from toolkit.models.sv.base import SpeakerEncoder
from toolkit.models.sv.ecapa_tdnn import EcapaTdnn
from toolkit.nn.mask import length_mask, masked_mean


class WavLmEcapa(WeightedLayers, SpeakerEncoder):
    """WavLM-ECAPA (Chen, Wang, Chen et al. 2022, arXiv 2110.13900, section V-B; SEED, arXiv 2505.16798, table 2).

    A softmax-weighted sum of all hidden states of a self-supervised (SSL) model on audio; instance normalisation over
    the utterance; ECAPA-TDNN with C=512. 102.3 M parameters with WavLM Base+; 104.9 M with SEED and a classifier of
    5,994 speakers (105.6 M in SEED's table).

    Use it with the front end ``Waveform`` and ``normalize: none``. Crops of equal length are fastest; see
    WeightedLayers.

    Args:
        ssl: the SSL model.
        freeze_ssl: keep the SSL model fixed, in eval mode; False: train it too.
        channels: C of the ECAPA-TDNN.
        embedding_dim: D.
        attention_channels: bottleneck size of the pooling attention.

    Attributes:
        fs: sampling rate of the audio in Hz.

    Example::

        WavLmEcapa(Untrained())(torch.randn(2, 16000, 1)).shape  # (2, 192)
    """

    def __init__(
        self,
        ssl: SSLModel,
        freeze_ssl: bool = True,
        channels: int = 512,
        embedding_dim: int = 192,
        attention_channels: int = 128,
    ):
        super().__init__(ssl, freeze_ssl)
        self.embedding_dim = embedding_dim
        self.ecapa = EcapaTdnn(ssl.dim, channels, embedding_dim=embedding_dim, attention_channels=attention_channels)

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N, 1) samples, lengths (B,) int64 samples or None (all N) -> (B, D) embeddings.

        Raises:
            InputError: the features are not samples, or the weights cannot be read (SSLModel.load).
        """
        if feats.shape[2] != 1:
            raise InputError("model: WavLmEcapa reads audio; set frontend.class_path: Waveform and normalize: none")
        x, frames = self.summed(feats[:, :, 0], lengths)
        return self.ecapa(_normalized(x, None if frames is None else length_mask(frames, x.shape[1])), frames)


def _normalized(x: Tensor, mask: Tensor | None) -> Tensor:
    """(B, T, F), mask (B, T) -> mean 0 and variance 1 of each feature over the frames."""
    x = x.transpose(1, 2)
    x = x - masked_mean(x, mask)[:, :, None]
    return (x * (masked_mean(x.square(), mask) + 1e-5).rsqrt()[:, :, None]).transpose(1, 2)
