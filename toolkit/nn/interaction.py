"""Interaction of an enrolment with each frame of a mixture, without a speaker encoder (SEF-PNet, section II-B)."""

from torch import Tensor, nn
from torch.nn import functional

from toolkit.nn.attention import LocalGlobalGate


def contextual_interaction(mixture: Tensor, enrolment: Tensor, mask: Tensor | None = None) -> Tensor:
    """CI: softmax(Y E^T) E (Huang et al. 2025, eq. 4; Yang, Bao and Chen 2024).

    Each frame of the mixture becomes a weighted mean of the enrolment's frames, the weights by the inner product over
    frequency, not scaled; real and imaginary plane each for itself.

    Args:
        mixture: Y, (B, 2, F, T).
        enrolment: E, (B, 2, F, T_e).
        mask: (B, T_e), True for real frames of the enrolment; the others have no weight.

    Returns:
        (B, 2, F, T).
    """
    frames = enrolment.transpose(2, 3)
    allowed = None if mask is None else mask[:, None, None]
    mean = functional.scaled_dot_product_attention(mixture.transpose(2, 3), frames, frames, allowed, scale=1.0)
    return mean.transpose(2, 3)


class IterativeFeatureIntegration(nn.Module):
    """IFI: how much of the enrolment's mean, and how much of CI, in two rounds (SEF-PNet, figure 2, eq. 5 to 7).

    P = sigma(GA(E_CI + E') + LA(E_CI + E')); E1 = P E_CI + (1 - P) E'; and with Q = sigma(GA(E1) + LA(E1)) the output
    is Q E_CI + (1 - Q) E'. So eq. 7 is read with its parentheses closed. Each round has a separate GA and LA: the
    published size counts both. (The authors' program calls the first GA in both rounds and leaves the second idle.)

    Args:
        channels: C.
        hidden: channels in the middle of LA and GA.
    """

    def __init__(self, channels: int = 2, hidden: int = 64):
        super().__init__()
        self.first = LocalGlobalGate(channels, hidden)
        self.second = LocalGlobalGate(channels, hidden)

    def forward(self, interaction: Tensor, mean: Tensor) -> Tensor:
        """E_CI (B, C, F, T), E' (B, C, F, 1), the mean over the enrolment's frames -> E_IFI (B, C, F, T)."""
        difference = interaction - mean
        once = mean + self.first(interaction + mean) * difference
        return mean + self.second(once) * difference
