"""The floor of every speaker verification table: no model at all."""

from torch import Tensor

from toolkit.models.sv.base import SpeakerEncoder
from toolkit.nn.mask import length_mask, masked_mean


class MeanFbank(SpeakerEncoder):
    """The mean log-mel spectrum of the utterance as its embedding: no parameters, nothing to train.

    Use it on log-mel features *without* mean normalisation over the utterance: that would take away all there is.

    Args:
        n_mels: F, mel bins; also ``embedding_dim``.
    """

    def __init__(self, n_mels: int = 80):
        super().__init__()
        self.embedding_dim = n_mels

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F) log-mel features, lengths (B,) frames -> (B, F) their mean over time."""
        mask = None if lengths is None else length_mask(lengths, feats.shape[1])
        return masked_mean(feats.transpose(1, 2), mask)
