"""Audio from log-mel estimates: a mask on mel filters, mapped to the bins of the mixture's spectrum."""

import torch
from torch import Tensor, nn

from toolkit.features.frontend import FrontEnd
from toolkit.features.kaldi_fbank import KaldiFbank, mel
from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.io.errors import InputError


def wiener_mask(target: Tensor, rest: Tensor) -> Tensor:
    """Log-mels (B, T, F) of target and rest -> share of the target in their energy, in [0, 1]."""
    return torch.sigmoid(target - rest)


def share_mask(target: Tensor, mixture: Tensor) -> Tensor:
    """Log-mels (B, T, F) of target and mixture -> share of the target in the energy of the mixture, at most 1."""
    return (target - mixture).clamp(max=0).exp()


class MelInversion(nn.Module):
    """Audio from a mask on the mel filters of a front end: gains on the mixture's spectrum, with its phase.

    Window, shift, FFT size and filters are those of the front end. Its pre-emphasis, scale and removal of the frame
    mean are not used: the mask applies to the mixture's spectrum without them. Masks that sum to 1 give parts that
    sum to the mixture.

    Args:
        frontend: a KaldiFbank, or a LogMelSpectrogram without cepstra.

    Raises:
        InputError: the front end is of another class, or its frames overlap by less than half.
    """

    taper: Tensor
    spread: Tensor

    def __init__(self, frontend: FrontEnd):
        super().__init__()
        if not isinstance(frontend, (KaldiFbank, LogMelSpectrogram)) or getattr(frontend, "dct", None) is not None:
            name = type(frontend).__name__
            raise InputError(
                f"frontend {name}: cannot be inverted to audio; use KaldiFbank, or LogMelSpectrogram without n_mfcc"
            )
        if 2 * frontend.hop > frontend.frame:
            raise InputError(
                f"frontend: frame {frontend.frame}, hop {frontend.hop} samples: frames must overlap by half"
            )
        self.hop, self.n_fft = frontend.hop, frontend.n_fft
        centred = isinstance(frontend, LogMelSpectrogram)
        self._early = -(-self.n_fft // self.hop)  # extra frames at the start, so that every sample has all its windows
        self._before = self._early * self.hop + (self.n_fft // 2 if centred else 0)  # zeros before the first sample
        self.register_buffer("taper", frontend.taper, persistent=False)
        self.register_buffer("spread", _spread(frontend.filters[::2]), persistent=False)

    def forward(self, wav: Tensor, mask: Tensor) -> Tensor:
        """wav (B, N) mixture, mask (B, T, F) on its frames -> (B, N) the masked part.

        The mask is constant before the first and after the last frame.
        """
        length = wav.shape[1]
        frames = -(-(self._before + length) // self.hop)
        place = (torch.arange(frames, device=wav.device) - self._early).clamp(0, mask.shape[1] - 1)
        gains = (mask @ self.spread)[:, place]
        samples = (frames - 1) * self.hop + self.n_fft
        padded = nn.functional.pad(wav, (self._before, samples - self._before - length))
        spectrum = torch.fft.rfft(padded.unfold(1, self.n_fft, self.hop) * self.taper)
        pieces = torch.fft.irfft(spectrum * gains, self.n_fft)
        weight = self._overlapped(self.taper.square().expand(1, frames, -1), samples)
        inside = slice(self._before, self._before + length)
        return self._overlapped(pieces * self.taper, samples)[:, inside] / weight[:, inside]

    def _overlapped(self, pieces: Tensor, samples: int) -> Tensor:
        """Overlap-add: frames (B, T, n_fft) -> (B, samples)."""
        size, kernel, stride = (1, samples), (1, self.n_fft), (1, self.hop)
        return nn.functional.fold(pieces.transpose(1, 2), size, kernel, stride=stride)[:, 0, 0]


def _spread(filters: Tensor) -> Tensor:
    """Filters (bins, F) -> (F, bins): the gain of a bin is the weighted mean of the gains of its filters.

    A bin outside all filters gets the gain of the nearest covered bin.
    """
    total = filters.sum(1)
    reached = (total > 0).nonzero()[:, 0]
    nearest = reached[(torch.arange(len(total))[:, None] - reached).abs().argmin(1)]
    return (filters / total[:, None])[nearest].T.contiguous()


def centres(frontend: KaldiFbank | LogMelSpectrogram) -> Tensor:
    """Centre frequencies of a front end's filters in Hz, (F,)."""
    conf = frontend.conf()
    high = conf["high_hz"] if conf["high_hz"] > 0 else frontend.fs / 2 + conf["high_hz"]
    low, high = mel(torch.tensor([conf["low_hz"], high], dtype=torch.float64)).tolist()
    edges = torch.linspace(low, high, frontend.dim + 2, dtype=torch.float64)
    return 700.0 * torch.expm1(edges[1:-1] / 1127.0)
