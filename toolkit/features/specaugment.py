"""SpecAugment (Park et al. 2019) without time warping: masks of frequency bands and time spans."""

import torch
from torch import nn


class SpecAugment(nn.Module):
    """Masks normalised features with zeros, in training only; each utterance of a batch gets different masks.

    Args:
        freq_masks, freq_width: number of frequency masks, and their maximum width in bins.
        time_masks, time_width: number of time masks, and their maximum width in frames.
    """

    def __init__(self, freq_masks: int = 1, freq_width: int = 8, time_masks: int = 1, time_width: int = 10):
        super().__init__()
        self.freq, self.time = (freq_masks, freq_width), (time_masks, time_width)

    def forward(self, feats: torch.Tensor) -> torch.Tensor:
        """feats (B, T, F) -> (B, T, F)."""
        if not self.training:
            return feats
        keep = (
            _keep(feats, feats.shape[2], *self.freq)[:, None, :] & _keep(feats, feats.shape[1], *self.time)[:, :, None]
        )
        return feats * keep


def _keep(feats: torch.Tensor, size: int, masks: int, width: int) -> torch.Tensor:
    """(B, size) bool: False inside ``masks`` spans, with uniform width 0 .. ``width`` and uniform position."""
    shape = (feats.shape[0], masks, 1)
    spans = torch.rand(shape, device=feats.device) * (min(width, size) + 1)
    spans = spans.floor()
    starts = (torch.rand(shape, device=feats.device) * (size - spans + 1)).floor()
    axis = torch.arange(size, device=feats.device)
    return ~((axis >= starts) & (axis < starts + spans)).any(1)
