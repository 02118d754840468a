"""Log-mel filterbank energies as Kaldi defines them."""

import math

import torch
from torch import nn

from toolkit.features.frontend import FrontEnd

_SCALE = 32768.0  # Kaldi's samples are 16-bit integers
_FLOOR = torch.finfo(torch.float32).eps
_CHUNK, _DEVICE_CHUNK = 256, 65536  # frames at once: on a CPU to fit its cache, on a device to limit the memory
_GROUP = 16  # filters per matrix product, over their bins only; multiples of 16 are fast


def mel(hz: torch.Tensor) -> torch.Tensor:
    """Frequency in Hz -> mel (1127 ln(1 + f / 700))."""
    return 1127.0 * torch.log1p(hz / 700.0)


def mel_filters(n_mels: int, n_fft: int, fs: int, low_hz: float, high_hz: float) -> torch.Tensor:
    """Filters of unit peak, equally spaced and triangular on the mel axis -> (n_fft // 2, n_mels)."""
    low, high = mel(torch.tensor([low_hz, high_hz], dtype=torch.float64)).tolist()
    edges = torch.linspace(low, high, n_mels + 2, dtype=torch.float64)
    bins = mel(torch.arange(n_fft // 2, dtype=torch.float64) * fs / n_fft)[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rise, fall).clamp(min=0).float()


def check_size(n_mels: int, n_fft: int) -> None:
    """Raise ValueError if the matrix of filters would be unreasonably large."""
    if not 0 < n_mels * n_fft <= 2**24:
        raise ValueError(f"n_mels {n_mels} by n_fft {n_fft}: the product must be from 1 to {2**24:,}")


def frames_at_once(wav: torch.Tensor) -> int:
    """Number of frames to compute at once for the utterances ``wav`` (B, N)."""
    return max(1, (_CHUNK if wav.device.type == "cpu" else _DEVICE_CHUNK) // len(wav))


def _groups(filters: torch.Tensor) -> list[tuple[slice, slice]]:
    """Rows and columns of the blocks that hold all nonzeros of ``filters`` (rows, n_mels), with a margin of one bin."""
    blocks = []
    for first in range(0, filters.shape[1], _GROUP):
        columns = slice(first, first + _GROUP)
        rows = filters[:, columns].any(1).nonzero().flatten().tolist() or [0]
        blocks.append((slice(max(0, rows[0] - 2), rows[-1] + 3), columns))
    return blocks


class KaldiFbank(FrontEnd):
    """Kaldi's fbank without dither: snip edges, remove DC, pre-emphasis, window, power, mel, log.

    With ``window="povey"`` this is ``compute-fbank-feats --dither=0``: for filters within 40 dB of the maximum of their
    frame the two agree to 1e-4 at 16 kHz (1.5e-4 at 8 kHz). The rest is due to Kaldi's float32 filter edges. Below
    40 dB, rounding of the spectrum dominates in both.

    Args:
        fs: rate in Hz.
        n_mels: number of filters.
        frame_ms, hop_ms: frame length and shift in milliseconds.
        low_hz, high_hz: band in Hz; ``high_hz`` <= 0 counts from the Nyquist frequency.
        preemphasis: coefficient of the pre-emphasis.
        window: ``povey``, ``hamming`` or ``hann``.

    Raises:
        ValueError: the window is unknown, or the band is empty or not within 0 .. fs / 2.
    """

    taper: torch.Tensor
    filters: torch.Tensor

    def __init__(
        self,
        fs: int = 16000,
        n_mels: int = 80,
        frame_ms: float = 25.0,
        hop_ms: float = 10.0,
        low_hz: float = 20.0,
        high_hz: float = 0.0,
        preemphasis: float = 0.97,
        window: str = "povey",
    ):
        super().__init__()
        self._conf = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.fs, self.dim, self.preemphasis = fs, n_mels, preemphasis
        self.frame, self.hop = int(fs * frame_ms / 1000), int(fs * hop_ms / 1000)
        self.n_fft = 2 ** math.ceil(math.log2(self.frame))
        check_size(n_mels, self.n_fft)
        high = high_hz if high_hz > 0 else fs / 2 + high_hz
        if not 0 <= low_hz < high <= fs / 2:
            raise ValueError(f"low_hz {low_hz:g} to high_hz {high:g} must be a band within 0 to {fs / 2:g} Hz")
        windows = {"povey": 0.5, "hann": 0.5, "hamming": 0.54}
        if window not in windows:
            raise ValueError(f"window is {window!r}; must be one of {', '.join(windows)}")
        with torch.device("cpu"):  # real values even for a network on the meta device
            taper = torch.signal.windows.general_hamming(
                self.frame, alpha=windows[window], sym=True, dtype=torch.float64
            )
            taper = taper**0.85 if window == "povey" else taper
            taper = nn.functional.pad(taper.float(), (0, self.n_fft - self.frame))
            # One row each for the real and imaginary part of a bin: the filters sum their squares.
            filters = nn.functional.pad(mel_filters(n_mels, self.n_fft, fs, low_hz, high), (0, 0, 0, 1))
        self.register_buffer("taper", taper, persistent=False)
        self.register_buffer("filters", filters.repeat_interleave(2, 0), persistent=False)
        self._groups = _groups(self.filters)

    def conf(self) -> dict:
        """Constructor arguments."""
        return {"class": type(self).__name__, **self._conf}

    def num_frames(self, num_samples: int) -> int:
        """Number of whole frames; an utterance shorter than a frame is padded to one."""
        return max(1, 1 + (num_samples - self.frame) // self.hop)

    def forward(
        self, wav: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """wav (B, N) in [-1, 1), lengths (B,) samples -> log energies (B, T, n_mels), lengths (B,) frames.

        Frames beyond the length of an utterance are zero.
        """
        # A frame is read with one sample before and up to n_fft after it; the window is zero there.
        last = (self.num_frames(wav.shape[1]) - 1) * self.hop + self.n_fft
        wav = nn.functional.pad(wav.float() * _SCALE, (1, last - wav.shape[1]))
        with torch.autocast(wav.device.type, enabled=False):  # features in full precision
            parts = wav.unfold(1, 1 + self.n_fft, self.hop).split(frames_at_once(wav), 1)
            feats = torch.cat([self._log_mel(part) for part in parts], 1)
        if lengths is None:
            return feats, None
        frames = (1 + (lengths - self.frame).div(self.hop, rounding_mode="floor")).clamp(min=1)
        valid = torch.arange(feats.shape[1], device=feats.device) < frames[:, None]
        return feats * valid[:, :, None], frames

    def _log_mel(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples (B, T, 1 + n_fft), with the frame at ``1 .. frame`` -> (B, T, n_mels)."""
        samples = samples - samples[:, :, 1 : 1 + self.frame].mean(2, keepdim=True)
        frames = torch.sub(samples[:, :, 1:], samples[:, :, :-1], alpha=self.preemphasis)
        frames[:, :, 0] = samples[:, :, 1] * (1 - self.preemphasis)  # as Kaldi: the first sample is its own predecessor
        spectrum = torch.view_as_real(torch.fft.rfft(frames.mul_(self.taper))).square_().flatten(2)
        parts = [spectrum[:, :, rows] @ self.filters[rows, columns] for rows, columns in self._groups]
        return torch.cat(parts, 2).clamp_(min=_FLOOR).log_()
