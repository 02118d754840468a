"""Attentive recurrent network: a recurrent layer, self-attention with gates, a feedforward block."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit.io.errors import InputError

_CHUNKS = 4  # the feedforward layer maps N to 4N; the sum over 4 parts gives N


class ARN(nn.Module):
    """Attentive recurrent network, one block, not causal (Pandey and Wang 2022, TASLP 30, section III).

    V and Q are two layer normalisations of the BLSTM output. With trained vectors a, b, c of size N, and with biases::

        q = Linear(Q) sigma(a);  k = V sigma(b);  v = V sigma(Linear(sigma(c))) tanh(Linear(sigma(c)))
        h = Q + softmax(q k^T / sqrt(N)) v
        out = LN(h) + the sum over 4 parts of N of Dropout(GELU(Linear(LN(h)))), a linear layer of N to 4N

    The gate on v does not depend on the input. 13,660,160 parameters for N = 1024.

    Args:
        channels: N, even: N / 2 for each direction of the BLSTM.
        in_channels: channels of the input; None: N.
        out_channels: channels of a last linear layer; None: no such layer, the output has N channels.
        input_norm: layer normalisation of the input; must be False for one channel, which it would make constant.
        dropout: dropout in the feedforward block.

    Raises:
        InputError: ``channels`` is odd, a size is below 1, or ``input_norm`` is set for a single channel.

    Example::

        ARN(64)(torch.randn(2, 100, 64)).shape  # (2, 100, 64)
    """

    def __init__(
        self,
        channels: int,
        in_channels: int | None = None,
        out_channels: int | None = None,
        input_norm: bool = True,
        dropout: float = 0.05,
    ):
        super().__init__()
        inputs = channels if in_channels is None else in_channels
        if channels < 2 or channels % 2 or min(inputs, channels if out_channels is None else out_channels) < 1:
            raise InputError(
                f"ARN of {channels} channels, in {inputs}, out {out_channels}: channels must be even, all 1 or more"
            )
        if input_norm and inputs == 1:
            raise InputError("ARN: layer normalisation of one channel is constant; set input_norm to false")
        self.scale = channels**-0.5
        self.input_norm = nn.LayerNorm(inputs) if input_norm else nn.Identity()
        self.rnn = nn.LSTM(inputs, channels // 2, batch_first=True, bidirectional=True)
        self.value_norm, self.query_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.query = nn.Linear(channels, channels)
        self.query_gate, self.key_gate, self.value_gate = (nn.Parameter(torch.zeros(channels)) for _ in range(3))
        self.value_sigmoid, self.value_tanh = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.feedforward_norm, self.out_norm = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.feedforward = nn.Linear(channels, _CHUNKS * channels)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Identity() if out_channels is None else nn.Linear(channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, in_channels), all T valid -> (B, T, out_channels), or (B, T, N)."""
        x = self.rnn(self.input_norm(x))[0]
        value, query = self.value_norm(x), self.query_norm(x)
        q, k = self.query(query) * self.query_gate.sigmoid(), value * self.key_gate.sigmoid()
        gate = self.value_gate.sigmoid()
        v = value * (self.value_sigmoid(gate).sigmoid() * self.value_tanh(gate).tanh())
        h = query + functional.scaled_dot_product_attention(q, k, v, scale=self.scale)
        wide = self.dropout(functional.gelu(self.feedforward(self.feedforward_norm(h))))
        return self.out(self.out_norm(h) + wide.unflatten(-1, (_CHUNKS, -1)).sum(-2))
