"""Random spans of frames to mask."""

import torch
import torch.nn.functional as F
from torch import Tensor


def span_mask(scores: Tensor, lengths: Tensor | None, prob: float, length: int) -> Tensor:
    """Spans of frames to mask, as in wav2vec 2.0 and HuBERT: their first frames are drawn without replacement.

    The spans may overlap, and end with the utterance.

    Args:
        scores: (B, T) random numbers from 0 to 1; spans begin at the highest ones.
        lengths: (B,) frames of each utterance; None: all have T.
        prob: share of the frames of an utterance at which a span begins; there is at least one span.
        length: frames of a span.

    Returns:
        (B, T) bool, True for masked frames; False for padding.
    """
    if lengths is None:
        lengths = torch.full((len(scores),), scores.shape[1], device=scores.device)
    valid = torch.arange(scores.shape[1], device=scores.device) < lengths[:, None]
    ranks = scores.masked_fill(~valid, -1.0).argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    starts = ranks < (prob * lengths).round().clamp(min=1)[:, None]
    spread = F.max_pool1d(F.pad(starts.float(), (length - 1, 0)), length, 1)
    return (spread > 0) & valid
