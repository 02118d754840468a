"""Distances of compressed spectrograms, and their sum with the scale-invariant SNR."""

from collections.abc import Mapping

import torch
from torch import Tensor

from toolkit.features.complex_stft import ComplexSTFT, compress, magnitude
from toolkit.io.errors import InputError
from toolkit.losses.enhancement.waveform import SISNR, EnhancementLoss
from toolkit.losses.weighted_sum import WeightedSum
from toolkit.nn.mask import masked_mean


class RIMag(EnhancementLoss):
    """L_RI + L_mag of LGR-TSE (He et al. 2023, ICASSP, eqs. 6 and 7), on spectrograms compressed to |S|^p.

    L_mag = 1/T sum_t sum_f (|S|^p - |S^|^p)^2: a sum over bins, a mean over frames. L_RI is the same on the complex
    numbers of magnitude |S|^p with the phase of S. Eq. 7 prints a bar inside the difference; the modulus of the whole
    difference is meant. Compression is linear for magnitudes below 1e-6, so that gradients are finite.

    Args:
        power: p, above 0, at most 1.
        fs: sampling rate in Hz.
        frame_ms, hop_ms: window length (Hann) and shift in milliseconds; 320 and 160 samples at 16 kHz.
        ri_weight, mag_weight: weights of the two terms.

    Raises:
        InputError: ``power`` is not in (0, 1], or a hop is longer than half a window.

    Example::

        RIMag().compare(torch.zeros(2, 16000), torch.zeros(2, 16000))  # 0
    """

    fs: int
    term = "ri_mag_loss"

    def __init__(
        self,
        power: float = 0.5,
        fs: int = 16000,
        frame_ms: float = 20.0,
        hop_ms: float = 10.0,
        ri_weight: float = 1.0,
        mag_weight: float = 1.0,
    ):
        super().__init__()
        if not 0 < power <= 1:
            raise InputError(f"power {power:g}: must be above 0, at most 1")
        self.power, self.fs, self.weights = power, fs, (ri_weight, mag_weight)
        self.stft = ComplexSTFT(round(fs * frame_ms / 1000), round(fs * hop_ms / 1000), "hann")

    def distances(self, output: Tensor, reference: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B, N) output and reference, lengths (B,) samples or None (all N) -> L_RI, L_mag, scalars."""
        estimated, mask = self.stft(output.float(), lengths)
        with torch.no_grad():
            target = self.stft(reference.float(), lengths)[0]
        ri = (compress(estimated, self.power) - compress(target, self.power)).square().sum((1, 2))
        mag = (magnitude(estimated) ** self.power - magnitude(target) ** self.power).square().sum(1)
        return masked_mean(ri[:, None], mask).mean(), masked_mean(mag[:, None], mask).mean()

    def compare(self, output: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) output and reference, lengths (B,) samples or None (all N) -> scalar."""
        return self._total(self.distances(output, reference, lengths))

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs (B, N) and batch -> loss (scalar), terms ``ri_loss`` and ``mag_loss``. See EnhancementLoss."""
        output = self.output_of(outputs, self.output)
        ri, mag = self.distances(output, batch[self.reference], batch.get("lengths"))
        return self._total((ri, mag)), {"ri_loss": ri.detach(), "mag_loss": mag.detach()}

    def _total(self, terms: tuple[Tensor, Tensor]) -> Tensor:
        return self.weights[0] * terms[0] + self.weights[1] * terms[1]


class RIMagSISNR(WeightedSum):
    """L_RI + L_mag - SI-SNR, the training loss of LGR-TSE (He et al. 2023, ICASSP, eqs. 5 to 8).

    Eq. 5 prints the SI-SNR itself as a loss; its negative is meant, in dB, of zero-mean signals.

    Args:
        power, fs, frame_ms, hop_ms: see :class:`RIMag`.
        ri_weight, mag_weight, si_snr_weight: weights of the terms; 1 in the paper.

    Example::

        loss: {class_path: RIMagSISNR, init_args: {fs: 8000}}
    """

    def __init__(
        self,
        power: float = 0.5,
        fs: int = 16000,
        frame_ms: float = 20.0,
        hop_ms: float = 10.0,
        ri_weight: float = 1.0,
        mag_weight: float = 1.0,
        si_snr_weight: float = 1.0,
    ):
        ri_mag = RIMag(power, fs, frame_ms, hop_ms, ri_weight, mag_weight)
        super().__init__({"ri_mag": ri_mag, "si_snr": SISNR()}, {"si_snr": si_snr_weight})

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs (B, N) and batch -> loss (scalar), terms ``ri_loss``, ``mag_loss`` and ``si_snr_loss``."""
        total, terms = super().forward(outputs, batch)
        return total, {name: value for name, value in terms.items() if name not in self.losses}
