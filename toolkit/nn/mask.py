"""Masks of the valid frames of a padded batch."""

import torch
from torch import Tensor


def length_mask(lengths: Tensor, num_frames: int) -> Tensor:
    """True for the valid frames of each utterance, False for its padding.

    Args:
        lengths: (B,) int64 number of frames of each utterance, at least 1.
        num_frames: T of the padded batch.

    Returns:
        (B, T) bool, on the device of ``lengths``.
    """
    return torch.arange(num_frames, device=lengths.device) < lengths[:, None]


def zero_padding(x: Tensor, mask: Tensor | None) -> Tensor:
    """(B, C, ..., T) with frames outside ``mask`` (B, T) set to zero; without a mask ``x`` itself, not a copy."""
    return x if mask is None else x.masked_fill(~mask.view(len(mask), *[1] * (x.dim() - 2), -1), 0)


def masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """(B, C, ..., T) -> (B, C, ...): mean over the frames inside ``mask`` (B, T), or over all frames."""
    if mask is None:
        return x.mean(-1)
    return zero_padding(x, mask).sum(-1) / mask.sum(-1).view(len(mask), *[1] * (x.dim() - 2))
