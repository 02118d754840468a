"""A transformer decoder: whole texts in training, one unit per step in a search."""

import math
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from toolkit.nn.multihead import MultiHeadAttention, sinusoids

_Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class DecoderState:
    """Immutable state of a decoder for K hypotheses of each of B utterances.

    Attributes:
        memory: keys and values of the memory for each layer, (B, H, T, D / H).
        past: keys and values of the previous units for each layer, (B K, H, L, D / H); empty at the start.
        mask: (B, 1, 1, T) bool, True for valid frames; None: all valid.
    """

    memory: tuple[_Pair, ...]
    past: tuple[_Pair, ...]
    mask: Tensor | None

    def select(self, parents: Tensor) -> "DecoderState":
        """The state of hypotheses that continue ``parents``, (B, K') int64 in 0 .. K - 1."""
        if not self.past:
            return self
        batch = len(parents)
        before = len(self.past[0][0]) // batch
        rows = (parents + before * torch.arange(batch, device=parents.device)[:, None]).flatten()
        return DecoderState(self.memory, tuple((key[rows], value[rows]) for key, value in self.past), self.mask)


class DecoderLayer(nn.Module):
    """Self-attention, attention to the memory, feed-forward; each after a layer normalisation.

    Args:
        dim: D.
        heads: number of heads of both attentions.
        hidden: hidden size of the feed-forward layer.
        dropout: dropout of all three.
    """

    def __init__(self, dim: int, heads: int, hidden: int, dropout: float):
        super().__init__()
        self.own, self.memory = (MultiHeadAttention(dim, heads, dropout) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(3))
        self.dropout = nn.Dropout(dropout)
        self.feed = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, dim))

    def forward(self, x: Tensor, causal: Tensor, memory: Tensor, mask: Tensor | None) -> Tensor:
        """(B, L, D), causal mask (1, 1, L, L), memory (B, T, D), mask (B, 1, 1, T) -> (B, L, D)."""
        normed = self.norms[0](x)
        x = x + self.dropout(self.own(normed, normed, causal))
        x = x + self.dropout(self.memory(self.norms[1](x), memory, mask))
        return x + self.dropout(self.feed(self.norms[2](x)))

    def step(self, x: Tensor, past: _Pair | None, memory: _Pair, mask: Tensor | None) -> tuple[Tensor, _Pair]:
        """The last units of K hypotheses, (B, K, D) -> (B, K, D), and keys and values of all units so far."""
        normed = self.norms[0](x).flatten(0, 1)[:, None]
        key, value = self.own.keys_values(normed)
        if past is not None:
            key, value = torch.cat((past[0], key), 2), torch.cat((past[1], value), 2)
        x = x + self.own.attend(self.own.split(self.own.query(normed)), key, value).view_as(x)
        # All hypotheses of an utterance are queries on the same memory.
        x = x + self.memory.attend(self.memory.split(self.memory.query(self.norms[1](x))), *memory, mask)
        return x + self.feed(self.norms[2](x)), (key, value)


class TransformerDecoder(nn.Module):
    """The pre-norm decoder of Vaswani et al. 2017 (section 3.1) over text units.

    Args:
        num_units: U.
        dim: D, also the size of the memory.
        heads, hidden, dropout: see DecoderLayer.
        blocks: number of layers.

    Example::

        decoder = TransformerDecoder(num_units=30, dim=64)
        logits = decoder(torch.tensor([[2, 5, 6]]), torch.randn(1, 50, 64))  # (1, 3, 30)
    """

    def __init__(
        self, num_units: int, dim: int = 256, heads: int = 4, hidden: int = 2048, blocks: int = 6, dropout: float = 0.1
    ):
        super().__init__()
        self.embedding = nn.Embedding(num_units, dim)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(DecoderLayer(dim, heads, hidden, dropout) for _ in range(blocks))
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, num_units)
        nn.init.normal_(self.embedding.weight, std=dim**-0.5)

    @property
    def _layers(self) -> list[DecoderLayer]:
        return [cast(DecoderLayer, block) for block in self.blocks]

    def _embedded(self, units: Tensor, first: int) -> Tensor:
        """(B, L) at the positions from ``first`` on -> (B, L, D)."""
        embedded = self.embedding(units) * math.sqrt(self.embedding.embedding_dim)
        positions = torch.arange(first, first + units.shape[1], device=units.device)
        return self.dropout(embedded + sinusoids(positions, embedded.shape[2]).to(embedded.dtype))

    def forward(self, units: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits of the unit after each position.

        Args:
            units: (B, L) int64, the first is EOS.
            memory: (B, T, D), output of the encoder.
            mask: (B, T) bool, True for valid frames; None: all valid.

        Returns:
            (B, L, U) logits.
        """
        x = self._embedded(units, 0)
        causal = torch.ones(units.shape[1], units.shape[1], dtype=torch.bool, device=units.device).tril()[None, None]
        mask = None if mask is None else mask[:, None, None]
        for block in self._layers:
            x = block(x, causal, memory, mask)
        return self.out(self.norm(x))

    def start(self, memory: Tensor, mask: Tensor | None = None) -> DecoderState:
        """The state before the first unit; ``memory`` and ``mask`` as in ``forward``."""
        pairs = tuple(block.memory.keys_values(memory) for block in self._layers)
        return DecoderState(pairs, (), None if mask is None else mask[:, None, None])

    def step(self, units: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Last units of K hypotheses of each utterance (B, K) -> logits of the next (B, K, U), new state; eval mode."""
        length = state.past[0][0].shape[2] if state.past else 0
        x, past = self._embedded(units.reshape(-1, 1), length).view(*units.shape, -1), []
        for block, own, memory in zip(self._layers, state.past or [None] * len(self.blocks), state.memory, strict=True):
            x, pair = block.step(x, own, memory, state.mask)
            past.append(pair)
        return self.out(self.norm(x)), DecoderState(state.memory, tuple(past), state.mask)
