"""Attention on channels and cells of maps (B, C, F, T): each block multiplies the map by a gate."""

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.nn.resnet import SqueezeExcitation2d

ATTENTIONS = ("none", "lca", "se", "cbam")


def attention(kind: str, channels: int) -> nn.Module:
    """The attention block ``kind``, one of ATTENTIONS, for maps of ``channels``; ``none`` is the identity.

    Raises:
        InputError: the block is unknown.
    """
    if kind == "lca":
        return LocalGlobalAttention(channels)
    if kind == "se":
        return SqueezeExcitation2d(channels, reduction=min(4, channels))
    if kind == "cbam":
        return ConvolutionalBlockAttention(channels)
    if kind == "none":
        return nn.Identity()
    raise InputError(f"attention {kind!r}: must be one of {', '.join(ATTENTIONS)}")


class CellBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation of means over maps, also for a batch of one cell and for constant channels.

    A training batch with one value per channel has no variance: it uses the running statistics, as in evaluation, and
    does not update them.

    After an instance norm all means are zero, so normalised values in training are 0. In evaluation the running mean
    lags behind the weights and would be divided by almost zero. So a channel that was constant in all batches is 0 in
    evaluation too.
    """

    running_mean: Tensor
    running_var: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F, T) -> (B, C, F, T)."""
        if self.training and x.numel() > x.shape[1]:
            return super().forward(x)
        varies = self.running_var > 1e-3 * self.eps  # the others are within 0.03 of 0 in training
        x = torch.where(varies[:, None, None], x, self.running_mean[:, None, None])
        statistics = (self.running_mean, self.running_var)
        return nn.functional.batch_norm(x, *statistics, self.weight, self.bias, eps=self.eps)


class PointwiseContext(nn.Sequential):
    """1x1 convolution - BN - ReLU - 1x1 convolution - BN: (B, C, F, T) -> (B, C, F, T), for each cell separately.

    The biases of the convolutions are not trained. The following BN removes them, but Adam would let them drift by
    rounding errors in their gradient, faster than the running means of the BN.

    Args:
        channels: C.
        hidden: channels between the convolutions.
        pooled: take the mean over frequency and time first: (B, C, F, T) -> (B, C, 1, 1).
    """

    def __init__(self, channels: int, hidden: int, pooled: bool = False):
        norm = CellBatchNorm2d if pooled else nn.BatchNorm2d
        layers: list[nn.Module] = [nn.Conv2d(channels, hidden, 1), norm(hidden), nn.ReLU(inplace=True)]
        layers += [nn.Conv2d(hidden, channels, 1), norm(channels)]
        super().__init__(*([nn.AdaptiveAvgPool2d(1)] if pooled else []), *layers)
        for layer in layers:
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                layer.bias.requires_grad_(False)


class LocalGlobalGate(nn.Module):
    """sigma(LA(x) + GA(x)), the mask of SEF-PNet (Huang et al. 2025, figure 3 and eq. 5).

    LA reads each cell, GA the mean over frequency and time. A training batch of one utterance has only one such mean,
    so GA uses the running statistics (CellBatchNorm2d).

    Args:
        channels: C.
        hidden: hidden channels of LA and of GA.
    """

    def __init__(self, channels: int, hidden: int):
        super().__init__()
        self.local_context = PointwiseContext(channels, hidden)
        self.global_context = PointwiseContext(channels, hidden, pooled=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F, T) -> (B, C, F, T) in (0, 1)."""
        return torch.sigmoid(self.local_context(x) + self.global_context(x))


class LocalGlobalAttention(nn.Module):
    """Local and global context aggregation, LCA: x sigma(LA(x) + GA(x)) (SEF-PNet, section II-C and figure 3).

    Args:
        channels: C.
        reduction: K; the bottleneck has C / K channels.
    """

    def __init__(self, channels: int, reduction: int = 4):
        super().__init__()
        self.gate = LocalGlobalGate(channels, max(channels // reduction, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F, T) -> (B, C, F, T)."""
        return x * self.gate(x)


class ConvolutionalBlockAttention(nn.Module):
    """CBAM: channel attention, then cell attention (Woo et al. 2018, arXiv 1807.06521, eq. 2 and 3).

    x' = x sigma(MLP(mean) + MLP(max)) over frequency and time; x' sigma(conv([mean; max])) over channels.

    Args:
        channels: C.
        reduction: the bottleneck of the MLP has C / ``reduction`` channels.
        kernel_size: kernel of the convolution over cells, odd.
    """

    def __init__(self, channels: int, reduction: int = 16, kernel_size: int = 7):
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.mlp = nn.Sequential(nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, channels))
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F, T) -> (B, C, F, T)."""
        x = x * torch.sigmoid(self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3))))[:, :, None, None]
        cells = torch.cat((x.mean(1, keepdim=True), x.amax(1, keepdim=True)), dim=1)
        return x * torch.sigmoid(self.conv(cells))
