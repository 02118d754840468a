"""Multi-head attention, without and with relative positions."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.io.errors import InputError


def sinusoids(positions: Tensor, dim: int) -> Tensor:
    """Sinusoidal encodings (Vaswani et al. 2017, section 3.5): (T,) -> (T, dim), alternating sine and cosine."""
    rates = torch.exp(torch.arange(0, dim, 2, device=positions.device) * (-math.log(10000.0) / dim))
    angles = positions[:, None].float() * rates
    return torch.stack((angles.sin(), angles.cos()), 2).flatten(1)[:, :dim]


class MultiHeadAttention(nn.Module):
    """Scaled dot-product attention of several heads (Vaswani et al. 2017, section 3.2).

    Args:
        dim: D, size of queries, keys and outputs.
        heads: H, number of heads; divides D.
        dropout: dropout of the attention weights.

    Raises:
        InputError: ``heads`` does not divide ``dim``.
    """

    def __init__(self, dim: int, heads: int, dropout: float = 0.0):
        super().__init__()
        if heads < 1 or dim % heads:
            raise InputError(f"heads {heads} must divide dim {dim}")
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value, self.out = (nn.Linear(dim, dim) for _ in range(4))

    def split(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, H, T, D / H)."""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (B, H, T, D / H) of (B, T, D)."""
        return self.split(self.key(x)), self.split(self.value(x))

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        """Queries (B, H, Q, D / H) on keys and values (B, H, T, D / H) -> (B, Q, D).

        Args:
            mask: (B|1, 1|H, 1|Q, T): bool, True for keys that may be read; or float, added to the products.
        """
        dropout = self.dropout if self.training else 0.0
        heads = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        return self.out(heads.transpose(1, 2).flatten(2))

    def forward(self, x: Tensor, source: Tensor, mask: Tensor | None = None) -> Tensor:
        """Queries of (B, Q, D) on ``source`` (B, T, D) -> (B, Q, D); ``mask`` as in :meth:`attend`."""
        return self.attend(self.split(self.query(x)), *self.keys_values(source), mask)


class RelativeAttention(MultiHeadAttention):
    """Self-attention with relative positions (Dai et al. 2019, Transformer-XL, section 3.3).

    The weight of frame j for frame i is the softmax of ((q_i + u) k_j + (q_i + v) r_(i-j)) / sqrt(D / H).
    """

    def __init__(self, dim: int, heads: int, dropout: float = 0.0):
        super().__init__(dim, heads, dropout)
        self.position = nn.Linear(dim, dim, bias=False)
        self.content_bias, self.position_bias = (nn.Parameter(torch.empty(heads, 1, dim // heads)) for _ in range(2))
        nn.init.xavier_uniform_(self.content_bias)
        nn.init.xavier_uniform_(self.position_bias)

    def forward(self, x: Tensor, source: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """(B, T, D) -> (B, T, D); ``mask`` (B, 1, 1, T) bool, True for valid frames. ``source`` is always ``x``."""
        count = x.shape[1]
        distances = torch.arange(count - 1, -count, -1, device=x.device)
        places = self.split(self.position(sinusoids(distances, x.shape[2]).to(x.dtype))[None])
        query = self.split(self.query(x))
        by_place = _of_pairs((query + self.position_bias) @ places.transpose(2, 3)) / math.sqrt(query.shape[3])
        if mask is not None:
            by_place = by_place.masked_fill(~mask, -math.inf)
        return self.attend(query + self.content_bias, *self.keys_values(x), by_place)


def _of_pairs(by_distance: Tensor) -> Tensor:
    """(B, H, T, 2 T - 1), indexed by distance T - 1 .. 1 - T of query and key -> (B, H, T, T), indexed by key."""
    batch, heads, count, _ = by_distance.shape
    shifted = F.pad(by_distance, (1, 0)).view(batch, heads, 2 * count, count)
    return shifted[:, :, 1:].reshape(batch, heads, count, 2 * count - 1)[..., :count]
