"""Losses between an estimated signal and its reference: in the waveform, in log-mel energies, and their sums."""

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.io.errors import InputError
from toolkit.losses.base import Loss, TrainingFacts
from toolkit.losses.weighted_sum import WeightedSum
from toolkit.nn.mask import length_mask

_TINY = 1e-8  # energy beside which silence is nothing


class EnhancementLoss(Loss):
    """A loss between an output signal and its reference.

    A class of your own writes ``compare``. Whatever is silent, loss and gradient are finite. Losses are computed in
    float32 also under autocast.

    Attributes:
        fs: rate in Hz which the loss is made for; None where it does not matter.
        output: of the network, which signal (B, N) is compared.
        term: name of the loss in the log; less is better.
        reference: stream of the batch with which it is compared; the task sets it.
        scale_invariant: the level of the output does not matter.
    """

    fs: int | None = None
    output: str = "speech"
    term: str = "signal_loss"
    reference: str = "spk1"
    scale_invariant: bool = False

    @property
    def streams(self) -> tuple[str, ...]:
        """The reference."""
        return (self.reference,)

    @property
    def reads(self) -> tuple[str, ...]:
        """The output that is compared."""
        return (self.output,)

    def setup(self, facts: TrainingFacts) -> None:
        """See Loss.

        Raises:
            InputError: the loss is made for another rate.
        """
        if self.fs not in (None, facts.fs):
            raise InputError(f"loss {type(self).__name__} is made for {self.fs} Hz, the audio has {facts.fs} Hz")

    def compare_with(self, reference: str) -> None:
        """See Loss."""
        self.reference = reference

    @abstractmethod
    def compare(self, output: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Mean loss of a batch, every utterance counting the same.

        Args:
            output, reference: (B, N) samples, padded at the end with anything finite.
            lengths: (B,) int64 samples of each utterance; None: all have N.

        Returns:
            a scalar.
        """

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """``output`` (B, N) of the network and the reference (B, N) of the batch -> loss (scalar), terms."""
        output = self.output_of(outputs, self.output)
        loss = self.compare(output, batch[self.reference], batch.get("lengths"))
        return loss, {self.term: loss.detach()}


def masked(*signals: Tensor, lengths: Tensor | None) -> tuple[Tensor, ...]:
    """(B, N) signals -> float32, with zeros beyond ``lengths`` (B,)."""
    if lengths is None:
        return tuple(x.float() for x in signals)
    mask = length_mask(lengths, signals[0].shape[1])
    return tuple(x.float().masked_fill(~mask, 0) for x in signals)


def _ratio(signal: Tensor, error: Tensor) -> Tensor:
    """(B, N), (B, N) -> (B,) dB."""
    energies = [x.square().sum(1) + _TINY for x in (signal, error)]
    return 10 * (energies[0].log10() - energies[1].log10())


class SNR(EnhancementLoss):
    """Negative signal-to-noise ratio in dB: -10 log10(|x|^2 / |x - x^|^2), x the reference.

    SSL-MSE (Sato et al. 2025), eq. 5, which prints the estimate's energy above the line.
    """

    term = "snr_loss"

    def compare(self, output: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) output and reference, lengths (B,) samples or None for all N -> scalar in dB."""
        output, reference = masked(output, reference, lengths=lengths)
        return -_ratio(reference, reference - output).mean()


class SISNR(EnhancementLoss):
    """Negative scale-invariant SNR (also SI-SDR) in dB: -10 log10(|a x|^2 / |x^ - a x|^2), a = <x^, x> / |x|^2.

    Le Roux et al. 2019 (arXiv 1811.02508), eq. 3.

    Args:
        zero_mean: means are removed first.
    """

    term = "si_snr_loss"
    scale_invariant = True

    def __init__(self, zero_mean: bool = True):
        super().__init__()
        self.zero_mean = zero_mean

    def compare(self, output: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) output and reference, lengths (B,) samples or None for all N -> scalar in dB."""
        signals = masked(output, reference, lengths=lengths)
        if self.zero_mean:
            count = signals[0].shape[1] if lengths is None else lengths[:, None]
            centred = (x - x.sum(1, keepdim=True) / count for x in signals)
            signals = masked(*centred, lengths=lengths)
        output, reference = signals
        scale = (output * reference).sum(1, keepdim=True) / (reference.square().sum(1, keepdim=True) + _TINY)
        return -_ratio(scale * reference, output - scale * reference).mean()


def mean_square(difference: Tensor, frames: Tensor | None) -> Tensor:
    """Mean square of every utterance, and their mean.

    Args:
        difference: (B, T, F).
        frames: (B,) int64 of each; None: all have T.
    """
    squares = difference.float().square().mean(2)
    if frames is None:
        return squares.mean()
    mask = length_mask(frames, squares.shape[1])
    return (squares.masked_fill(~mask, 0).sum(1) / frames).mean()


class LMFB(EnhancementLoss):
    """Mean square difference of log-mel energies; SSL-MSE (Sato et al. 2025), eq. 10 and section 5.1.2.

    The paper leaves open transform and floor; here 512 points, Hann window, log(energy + 1e-6).

    Args:
        fs: rate in Hz.
        n_mels: filters.
        frame_ms, hop_ms: window length and shift in milliseconds; the paper's 400 and 200 samples.
        n_fft: points of the transform.
        floor: added to the energies.
    """

    term = "lmfb_loss"

    def __init__(
        self,
        fs: int = 16000,
        n_mels: int = 80,
        frame_ms: float = 25.0,
        hop_ms: float = 12.5,
        n_fft: int = 512,
        floor: float = 1e-6,
    ):
        super().__init__()
        self.fs = fs
        self.features = LogMelSpectrogram(
            fs, n_mels, n_fft, frame_ms, hop_ms, preemphasis=0.0, window="hann", floor=floor
        )

    def compare(self, output: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) output and reference, lengths (B,) samples or None for all N -> scalar."""
        ours, frames = self.features(output, lengths)
        with torch.no_grad():
            theirs, _ = self.features(reference, lengths)
        return mean_square(ours - theirs, frames)


class Multitask(WeightedSum):
    """L + alpha L_SNR: SSL-MSE (Sato et al. 2025), eqs. 9 and 21.

    Args:
        loss: L.
        alpha: weight of ``snr``; 0 trains by ``loss`` alone, and ``snr`` is in the log.
        snr: L_SNR, or another in its place; None is SNR().
    """

    def __init__(self, loss: Loss, alpha: float = 0.1, snr: Loss | None = None):
        super().__init__({"loss": loss, "snr": snr or SNR()}, {"snr": alpha})

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs (B, N) and a batch -> loss (scalar); terms are those of the two, by their own names."""
        total, terms = super().forward(outputs, batch)
        return total, {name: value for name, value in terms.items() if name not in self.losses}
