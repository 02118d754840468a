"""A baseline without a trained model, for tables of speaker verification."""

from torch import Tensor

from toolkit.models.sv.base import SpeakerEncoder
from toolkit.nn.mask import length_mask, masked_mean


class MeanFbank(SpeakerEncoder):
    """The mean log-mel spectrum of the utterance as its embedding; no parameters, no training.

    Use it on log-mel features *without* mean normalisation over the utterance, which would remove the embedding.

    Args:
        n_mels: F, number of mel bins; also ``embedding_dim``.

    Example::

        MeanFbank()(torch.randn(2, 200, 80)).shape  # (2, 80)
    """

    def __init__(self, n_mels: int = 80):
        super().__init__()
        self.embedding_dim = n_mels

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F) log-mel features, lengths (B,) frames -> (B, F), the mean over time."""
        mask = None if lengths is None else length_mask(lengths, feats.shape[1])
        return masked_mean(feats.transpose(1, 2), mask)
