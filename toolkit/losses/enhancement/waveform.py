"""Losses between an estimated signal and its reference: on waveforms, on log-mel energies, and their sums."""

from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.io.errors import InputError
from toolkit.losses.base import Loss, TrainingFacts
from toolkit.losses.weighted_sum import WeightedSum
from toolkit.nn.mask import length_mask

_TINY = 1e-8  # energy added to avoid division by zero


class EnhancementLoss(Loss):
    """A loss between an output signal and its reference.

    A subclass implements ``compare``. Loss and gradient are finite also for silent signals. Losses are computed in
    float32, also under autocast.

    Attributes:
        fs: sampling rate in Hz that the loss requires; None: any.
        output: name of the signal (B, N) among the outputs of the network.
        term: name of the loss in the log; lower is better.
        reference: stream of the batch that is the reference; the task sets it.
        scale_invariant: whether the loss ignores the level of the output.
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
            InputError: the loss is for another sampling rate.
        """
        if self.fs not in (None, facts.fs):
            raise InputError(
                f"loss {type(self).__name__}: is for {self.fs} Hz, the audio is at {facts.fs} Hz; set its fs"
            )

    def compare_with(self, reference: str) -> None:
        """See Loss."""
        self.reference = reference

    @abstractmethod
    def compare(self, output: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Mean loss of a batch; all utterances have equal weight.

        Args:
            output, reference: (B, N) samples, padded at the end with any finite values.
            lengths: (B,) int64 samples of each utterance; None: all have N.

        Returns:
            a scalar.
        """

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Output (B, N) of the network and reference (B, N) of the batch -> loss (scalar), terms."""
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
    """Energy ratio, (B, N), (B, N) -> (B,) dB."""
    energies = [x.square().sum(1) + _TINY for x in (signal, error)]
    return 10 * (energies[0].log10() - energies[1].log10())


class SNR(EnhancementLoss):
    """Negative signal-to-noise ratio in dB: -10 log10(|x|^2 / |x - x^|^2), x the reference.

    SSL-MSE (Sato et al. 2025), eq. 5, which prints the energy of the estimate in the numerator.

    Example::

        SNR().compare(torch.ones(1, 8), 2 * torch.ones(1, 8))  # -6.02
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
        zero_mean: remove the means first.

    Example::

        SISNR().compare(torch.tensor([[1.0, -1.0, 0.1, -0.1]]), torch.tensor([[1.0, -1.0, 0.0, 0.0]]))  # -20
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
    """Mean over utterances of the mean square of each.

    Args:
        difference: (B, T, F).
        frames: (B,) int64 number of frames of each; None: all have T.
    """
    squares = difference.float().square().mean(2)
    if frames is None:
        return squares.mean()
    mask = length_mask(frames, squares.shape[1])
    return (squares.masked_fill(~mask, 0).sum(1) / frames).mean()


class LMFB(EnhancementLoss):
    """Mean squared difference of log-mel energies; SSL-MSE (Sato et al. 2025), eq. 10 and section 5.1.2.

    The paper does not give FFT size and floor; here 512 points, Hann window, log(energy + 1e-6).

    Args:
        fs: sampling rate in Hz.
        n_mels: number of filters.
        frame_ms, hop_ms: window length and shift in milliseconds; 400 and 200 samples in the paper.
        n_fft: FFT size.
        floor: constant added to the energies.

    Example::

        LMFB().compare(torch.zeros(2, 16000), torch.zeros(2, 16000))  # 0
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
        alpha: weight of ``snr``; 0: train with ``loss`` only and log ``snr``.
        snr: L_SNR, or another loss instead; None: SNR().

    Example::

        loss: {class_path: Multitask, init_args: {loss: {class_path: LMFB}, alpha: 0.1}}
    """

    def __init__(self, loss: Loss, alpha: float = 0.1, snr: Loss | None = None):
        super().__init__({"loss": loss, "snr": snr or SNR()}, {"snr": alpha})

    def forward(self, outputs: Mapping[str, Tensor], batch: Mapping) -> tuple[Tensor, dict[str, Tensor]]:
        """Outputs (B, N) and batch -> loss (scalar), terms of both losses."""
        total, terms = super().forward(outputs, batch)
        return total, {name: value for name, value in terms.items() if name not in self.losses}
