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

    A softmax-weighted sum of all hidden states of a self-supervised model, which reads audio; instance normalisation
    over the utterance; ECAPA-TDNN of C=512. On WavLM Base+ these are 102.3 M parameters; with SEED and a classifier of
    5,994 speakers 104.9 M, of the 105.6 M that SEED's table counts.

    The front end is ``Waveform``, with ``normalize: none``. Crops of one length are quickest; see WeightedLayers.

    Args:
        ssl: the self-supervised model.
        freeze_ssl: it stays as it is, in eval mode; False trains it too.
        channels: C of the ECAPA-TDNN.
        embedding_dim: D.
        attention_channels: bottleneck of the pooling's attention.

    Attributes:
        fs: rate in Hz of the audio.

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
        """(B, N, 1) samples, lengths (B,) int64 samples or None for all N -> (B, D) embeddings.

        Raises:
            InputError: the features are not samples; or the weights cannot be read (SSLModel.load).
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
