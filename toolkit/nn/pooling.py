"""Pooling of frames to one vector per utterance: (B, C, T) -> (B, 2C), mean and standard deviation (see ``kind``).

``mask`` (B, T) is True for valid frames; None: all valid. The variance has a floor, so one frame is enough and the
gradient is finite. Statistics are at least float32, also under autocast.
"""

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.nn.mask import masked_mean

KINDS = {"asp": 2, "sap": 1, "l2": 2}  # kind -> size of the output, as a multiple of C


def _at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _squared_deviation(x: Tensor, mean: Tensor) -> Tensor:
    # The weighted deviations sum to zero, so the gradient of the variance to the mean is zero; skip it.
    return (x - mean.detach()[:, :, None]).square()


class StatisticsPooling(nn.Module):
    """Mean and standard deviation over time (Snyder et al. 2018, x-vectors).

    Args:
        variance_floor: minimum variance, so that the gradient of the root is finite.
    """

    def __init__(self, variance_floor: float = 1e-5):
        super().__init__()
        self.variance_floor = variance_floor

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, T), mask (B, T) -> (B, 2C): all means, then all (biased) standard deviations."""
        x = _at_least_float32(x)
        if mask is None:
            variance, mean = torch.var_mean(x, dim=-1, correction=0)
        else:
            mean = masked_mean(x, mask)
            variance = masked_mean(_squared_deviation(x, mean), mask)
        return torch.cat((mean, variance.clamp(min=self.variance_floor).sqrt()), dim=1)


class AttentiveStatisticsPooling(nn.Module):
    """Mean and standard deviation with a weight for each channel and frame.

    Okabe et al. 2018 (arXiv 1803.10963), made channel-dependent and given a global context by Desplanques et al. 2020
    (arXiv 2005.07143, section 3.1, eq. 1-3): logits = W_2 BN(ReLU(W_1 [h_t; mean; std])), softmax over time.

    Args:
        channels: C.
        bottleneck: channels between the two layers of the attention.
        global_context: the attention reads [h_t; mean; std] of the utterance (3C) instead of only h_t (C).
        variance_floor: minimum variance, so that the gradient of the root is finite.
        kind: ``asp``: weighted mean and deviation; ``sap``: only the mean (self-attentive pooling); ``l2``: root of the
            weighted mean square, and deviation.
        tanh: tanh after the normalisation of the attention.
        norm: ReLU and normalisation in the attention; False, with ``tanh``, as in WeSpeaker.

    Attributes:
        out_channels: 2C, or C for ``sap``.

    Raises:
        InputError: ``kind`` is unknown.
    """

    def __init__(
        self,
        channels: int,
        bottleneck: int = 128,
        global_context: bool = False,
        variance_floor: float = 1e-5,
        kind: str = "asp",
        tanh: bool = False,
        norm: bool = True,
    ):
        super().__init__()
        if kind not in KINDS:
            raise InputError(f"pooling {kind!r}: must be one of {', '.join(KINDS)}")
        self.variance_floor, self.kind, self.out_channels = variance_floor, kind, KINDS[kind] * channels
        self.frame_projection = nn.Conv1d(channels, bottleneck, 1)
        # W_1 [h; mean; std] = W_h h + W_c [mean; std]: the context is constant over frames, so project it once.
        self.context_projection = nn.Linear(2 * channels, bottleneck, bias=False) if global_context else None
        self.statistics = StatisticsPooling(variance_floor)
        self.norm = nn.BatchNorm1d(bottleneck) if norm else None
        self.activation = nn.Tanh() if tanh else nn.Identity()
        self.logits = nn.Conv1d(bottleneck, channels, 1)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, T), mask (B, T) -> (B, out_channels): all means (or roots of mean squares), then all deviations."""
        hidden = self.frame_projection(x)
        if self.context_projection is not None:
            hidden = hidden + self.context_projection(self.statistics(x, mask))[:, :, None]
        if self.norm is not None:
            hidden = self.norm(hidden.relu())
        logits = _at_least_float32(self.logits(self.activation(hidden)))
        if mask is not None:
            logits = logits.masked_fill(~mask[:, None], -torch.inf)
        weights = logits.softmax(dim=-1)
        mean = (weights * x).sum(-1)
        if self.kind == "sap":
            return mean
        variance = (weights * _squared_deviation(x, mean)).sum(-1)
        deviation = variance.clamp(min=self.variance_floor).sqrt()
        if self.kind == "l2":
            mean = (variance + mean.square()).clamp(min=self.variance_floor).sqrt()
        return torch.cat((mean, deviation), dim=1)
