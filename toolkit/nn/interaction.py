"""Interaction of an enrolment with each frame of a mixture, without a speaker encoder (SEF-PNet, section II-B)."""

from torch import Tensor, nn
from torch.nn import functional

from toolkit.nn.attention import LocalGlobalGate


def contextual_interaction(mixture: Tensor, enrolment: Tensor, mask: Tensor | None = None) -> Tensor:
    """CI: softmax(Y E^T) E (Huang et al. 2025, eq. 4; Yang, Bao and Chen 2024).

    Each frame of the mixture becomes a weighted mean of the enrolment's frames. The weights come from unscaled inner
    products over frequency, separately for real and imaginary part.

    Args:
        mixture: Y, (B, 2, F, T).
        enrolment: E, (B, 2, F, T_e).
        mask: (B, T_e), True for valid frames of the enrolment; the others have weight 0.

    Returns:
        (B, 2, F, T).
    """
    frames = enrolment.transpose(2, 3)
    allowed = None if mask is None else mask[:, None, None]
    mean = functional.scaled_dot_product_attention(mixture.transpose(2, 3), frames, frames, allowed, scale=1.0)
    return mean.transpose(2, 3)


class IterativeFeatureIntegration(nn.Module):
    """IFI: two rounds of gated mixing of CI and the mean of the enrolment (SEF-PNet, figure 2, eq. 5 to 7).

    P = sigma(GA(E_CI + E') + LA(E_CI + E')); E1 = P E_CI + (1 - P) E'; and with Q = sigma(GA(E1) + LA(E1)) the output
    is Q E_CI + (1 - Q) E' (eq. 7 with its parentheses closed). Each round has a separate GA and LA, as in the published
    size. (The authors' program calls the first GA in both rounds and does not use the second.)

    Args:
        channels: C.
        hidden: hidden channels of LA and GA.
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
