"""The deployed verifier: waveform -> speaker embedding. Training, the recipes and the Python API all go through it."""

import torch
from torch import nn

from toolkit.features.frontend import FrontEnd
from toolkit.models.sv.base import SpeakerEncoder


class SpeakerEmbedder(nn.Module):
    """Front end, normalisation, encoder.

    Args:
        frontend: waveform to features.
        model: features to embedding.
        normalize: ``mean`` subtracts each feature's mean over the utterance, ``none`` leaves features as they are.
    """

    def __init__(self, frontend: FrontEnd, model: SpeakerEncoder, normalize: str = "mean"):
        super().__init__()
        if normalize not in ("mean", "none"):
            raise ValueError(f"normalize is {normalize!r}; it can be 'mean' or 'none'")
        self.frontend, self.model, self.subtract_mean = frontend, model, normalize == "mean"

    def normalized(self, feats: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """feats (B, T, F), lengths (B,) frames -> normalised feats (B, T, F); padding stays zero."""
        if not self.subtract_mean:
            return feats
        if lengths is None:
            return feats - feats.mean(1, keepdim=True)
        valid = (torch.arange(feats.shape[1], device=feats.device) < lengths[:, None])[:, :, None]
        mean = (feats * valid).sum(1, keepdim=True) / lengths[:, None, None]
        return (feats - mean) * valid

    def embed_features(self, feats: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """feats (B, T, F) of the front end, lengths (B,) frames -> embeddings (B, D)."""
        return self.model(self.normalized(feats, lengths), lengths)

    def forward(self, wav: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """wav (B, N) at the front end's rate, lengths (B,) samples -> embeddings (B, D)."""
        return self.embed_features(*self.frontend(wav, lengths))
