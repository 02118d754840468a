"""Losses between an estimated signal and its reference: in the waveform, in log-mel energies, and their sums."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.io.errors import InputError
from toolkit.nn.mask import length_mask

_TINY = 1e-8  # energy beside which silence is nothing


class EnhancementLoss(nn.Module, ABC):
    """A training loss over a batch of estimated signals.

    A class of your own plugs in by its import path (``class_path``, ``init_args``), as a model does. Whatever is
    silent, loss and gradient are finite. Losses are computed in float32 also under autocast.

    Attributes:
        fs: rate in Hz which the loss is made for; None where it does not matter.
        parts: unweighted terms of the last batch by name, detached scalars, for the log. Less is better in all of them.
    """

    fs: int | None = None

    def __init__(self):
        super().__init__()
        self.parts: dict[str, Tensor] = {}

    def setup(self, fs: int) -> None:
        """Make ready; the task calls it once, before training.

        Args:
            fs: rate of the audio in Hz.

        Raises:
            InputError: the loss is made for another rate.
        """
        if self.fs not in (None, fs):
            raise InputError(f"loss {type(self).__name__} is made for {self.fs} Hz, the audio has {fs} Hz")

    @abstractmethod
    def forward(self, estimate: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Mean loss of a batch, every utterance counting the same.

        Args:
            estimate, reference: (B, N) samples, padded at the end with anything finite.
            lengths: (B,) int64 samples of each utterance; None says that all have N.

        Returns:
            a scalar.
        """


def _masked(*signals: Tensor, lengths: Tensor | None) -> tuple[Tensor, ...]:
    """Float32 with zeros beyond ``lengths``."""
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

    def forward(self, estimate: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) estimate and reference, lengths (B,) samples or None for all N -> scalar in dB."""
        estimate, reference = _masked(estimate, reference, lengths=lengths)
        loss = -_ratio(reference, reference - estimate).mean()
        self.parts = {"snr_loss": loss.detach()}
        return loss


class SISNR(EnhancementLoss):
    """Negative scale-invariant SNR (also SI-SDR) in dB: -10 log10(|a x|^2 / |x^ - a x|^2), a = <x^, x> / |x|^2.

    Le Roux et al. 2019 (arXiv 1811.02508), eq. 3.

    Args:
        zero_mean: means are removed first.
    """

    def __init__(self, zero_mean: bool = True):
        super().__init__()
        self.zero_mean = zero_mean

    def forward(self, estimate: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) estimate and reference, lengths (B,) samples or None for all N -> scalar in dB."""
        signals = _masked(estimate, reference, lengths=lengths)
        if self.zero_mean:
            count = signals[0].shape[1] if lengths is None else lengths[:, None]
            centred = (x - x.sum(1, keepdim=True) / count for x in signals)
            signals = _masked(*centred, lengths=lengths)
        estimate, reference = signals
        scale = (estimate * reference).sum(1, keepdim=True) / (reference.square().sum(1, keepdim=True) + _TINY)
        loss = -_ratio(scale * reference, estimate - scale * reference).mean()
        self.parts = {"si_snr_loss": loss.detach()}
        return loss


def mean_square(difference: Tensor, frames: Tensor | None) -> Tensor:
    """Mean square of every utterance, and their mean.

    Args:
        difference: (B, T, F).
        frames: (B,) int64 of each; None says that all have T.
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

    def forward(self, estimate: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) estimate and reference, lengths (B,) samples or None for all N -> scalar."""
        ours, frames = self.features(estimate, lengths)
        with torch.no_grad():
            theirs, _ = self.features(reference, lengths)
        loss = mean_square(ours - theirs, frames)
        self.parts = {"lmfb_loss": loss.detach()}
        return loss


class Multitask(EnhancementLoss):
    """L + alpha L_SNR: SSL-MSE (Sato et al. 2025), eqs. 9 and 21.

    Args:
        loss: L.
        alpha: weight of ``snr``; 0 trains by ``loss`` alone, and ``snr`` is in the log.
        snr: L_SNR, or another in its place; None is SNR().
    """

    def __init__(self, loss: EnhancementLoss, alpha: float = 0.1, snr: EnhancementLoss | None = None):
        super().__init__()
        self.loss, self.alpha, self.snr = loss, alpha, snr or SNR()

    def setup(self, fs: int) -> None:
        """See EnhancementLoss."""
        self.loss.setup(fs)
        self.snr.setup(fs)

    def forward(self, estimate: Tensor, reference: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, N) estimate and reference, lengths (B,) samples or None for all N -> scalar."""
        total = self.loss(estimate, reference, lengths) + self.alpha * self.snr(estimate, reference, lengths)
        self.parts = {**self.snr.parts, **self.loss.parts}
        return total
