"""Bidirectional GRU over the frames of a padded batch of spectrograms."""

import torch
from torch import Tensor, nn


class FrameGRU(nn.Module):
    """BGRU over frames and a linear layer back to F bins: Speakerfilter's network on the enrolment (He et al. 2020).

    The backward direction begins at the last valid frame of each recording.

    Args:
        bins: F.
        hidden: cells of each direction.

    Example::

        FrameGRU(161, 128)(torch.rand(2, 161, 300)).shape  # (2, 161, 300)
    """

    def __init__(self, bins: int, hidden: int):
        super().__init__()
        self.forward_rnn, self.backward_rnn = (nn.GRU(bins, hidden, batch_first=True) for _ in range(2))
        self.out = nn.Linear(2 * hidden, bins)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, F, T), mask (B, T), True up to the last valid frame -> (B, F, T), undefined in padding."""
        x = x.transpose(1, 2)
        backward = _reversed(self.backward_rnn(_reversed(x, mask))[0], mask)
        return self.out(torch.cat((self.forward_rnn(x)[0], backward), 2)).transpose(1, 2)


def _reversed(x: Tensor, mask: Tensor | None) -> Tensor:
    """(B, T, N) -> (B, T, N), valid frames in reverse order."""
    if mask is None:
        return x.flip(1)
    frames = torch.arange(x.shape[1], device=x.device)
    order = torch.where(mask, mask.sum(1, keepdim=True) - 1 - frames, frames)
    return x.gather(1, order[..., None].expand_as(x))
