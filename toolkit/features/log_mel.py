"""Log-mel energies and MFCCs of a centred spectrogram, as torchaudio's MelSpectrogram and MFCC define them."""

import math

import torch
from torch import nn

from toolkit.features.frontend import FrontEnd
from toolkit.features.kaldi_fbank import check_size, frames_at_once, mel


def hertz_triangles(edges: torch.Tensor, n_fft: int, fs: int) -> torch.Tensor:
    """Triangular filters of unit peak between ``edges`` (n_mels + 2,) in Hz, float64 -> (n_fft // 2 + 1, n_mels)."""
    bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64)[:, None] * fs / n_fft
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rise, fall).clamp(min=0)


def mel_edges(n_mels: int, fs: int, low_hz: float, high_hz: float) -> torch.Tensor:
    """Edges in Hz, equally spaced in mel, of ``n_mels`` filters; each filter begins at the peak of the one before.

    Args:
        n_mels: number of filters.
        fs: rate in Hz.
        low_hz, high_hz: band in Hz; ``high_hz`` <= 0 counts from the Nyquist frequency.

    Returns:
        (n_mels + 2,) float64.

    Raises:
        ValueError: the band is empty or not within 0 .. fs / 2.
    """
    high = high_hz if high_hz > 0 else fs / 2 + high_hz
    if not 0 <= low_hz < high <= fs / 2:
        raise ValueError(f"low_hz {low_hz:g} to high_hz {high:g} must be a band within 0 to {fs / 2:g} Hz")
    low, high = mel(torch.tensor([low_hz, high], dtype=torch.float64)).tolist()
    return 700.0 * torch.expm1(torch.linspace(low, high, n_mels + 2, dtype=torch.float64) / 1127.0)


def hertz_filters(n_mels: int, n_fft: int, fs: int, low_hz: float, high_hz: float) -> torch.Tensor:
    """Filters of unit peak, equally spaced in mel, triangular in Hz -> (n_fft // 2 + 1, n_mels)."""
    return hertz_triangles(mel_edges(n_mels, fs, low_hz, high_hz), n_fft, fs).float()


def cosine_transform(n_mfcc: int, n_mels: int) -> torch.Tensor:
    """Orthonormal DCT-II -> (n_mels, n_mfcc)."""
    angles = math.pi / n_mels * (torch.arange(n_mels, dtype=torch.float64) + 0.5)[:, None]
    basis = torch.cos(angles * torch.arange(n_mfcc)) * math.sqrt(2.0 / n_mels)
    basis[:, 0] /= math.sqrt(2.0)
    return basis.float()


class LogMelSpectrogram(FrontEnd):
    """Pre-emphasis, centred spectrogram, mel, log(energy + floor): input of ResNetSE34V2, ExU-Net and ParaNoise-SV.

    Frame t is centred on sample t * hop; the utterance is padded by reflection, so N samples give 1 + N // hop frames.
    Pre-emphasis runs over the whole recording (the second sample also precedes the first). Unlike ``KaldiFbank``,
    frames keep their mean, samples are in [-1, 1), and filters are triangular in Hz.

    ``n_mels=80, low_hz=20, high_hz=7600, n_mfcc=80`` is the front end of SEED's ECAPA-TDNN.

    Args:
        fs: rate in Hz.
        n_mels: number of filters.
        n_fft: FFT size, at least a frame; the window is centred in it.
        frame_ms, hop_ms: window length and shift in milliseconds.
        low_hz, high_hz: band in Hz; ``high_hz`` <= 0 counts from the Nyquist frequency.
        preemphasis: coefficient of the pre-emphasis; 0: none.
        window: ``hamming`` or ``hann`` (periodic).
        floor: constant added to the energies before the logarithm.
        n_mfcc: number of cepstral coefficients (DCT of the log energies); 0: log energies.

    Raises:
        ValueError: the window is unknown, a frame is longer than ``n_fft``, there are more coefficients than filters,
            or the band is empty or not within 0 .. fs / 2.
    """

    taper: torch.Tensor
    filters: torch.Tensor
    dct: torch.Tensor | None

    def __init__(
        self,
        fs: int = 16000,
        n_mels: int = 64,
        n_fft: int = 512,
        frame_ms: float = 25.0,
        hop_ms: float = 10.0,
        low_hz: float = 0.0,
        high_hz: float = 0.0,
        preemphasis: float = 0.97,
        window: str = "hamming",
        floor: float = 1e-6,
        n_mfcc: int = 0,
    ):
        super().__init__()
        self._conf = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.fs, self.dim, self.preemphasis, self.floor = fs, n_mfcc or n_mels, preemphasis, floor
        self.frame, self.hop, self.n_fft = int(fs * frame_ms / 1000), int(fs * hop_ms / 1000), n_fft
        check_size(n_mels, n_fft)
        if self.frame > n_fft:
            raise ValueError(f"n_fft {n_fft} is shorter than a frame, {self.frame} samples")
        if not 0 <= n_mfcc <= n_mels:
            raise ValueError(f"n_mfcc {n_mfcc}: must be from 0 to {n_mels}, the number of filters")
        windows = {"hamming": 0.54, "hann": 0.5}
        if window not in windows:
            raise ValueError(f"window is {window!r}; must be one of {', '.join(windows)}")
        with torch.device("cpu"):  # real values even for a network on the meta device
            taper = torch.signal.windows.general_hamming(
                self.frame, alpha=windows[window], sym=False, dtype=torch.float64
            )
            left = (n_fft - self.frame) // 2
            taper = nn.functional.pad(taper.float(), (left, n_fft - self.frame - left))
            # One row each for the real and imaginary part of a bin: the filters sum their squares.
            filters = hertz_filters(n_mels, n_fft, fs, low_hz, high_hz)
        self.register_buffer("taper", taper, persistent=False)
        self.register_buffer("filters", filters.repeat_interleave(2, 0), persistent=False)
        self.register_buffer("dct", cosine_transform(n_mfcc, n_mels) if n_mfcc else None, persistent=False)

    def conf(self) -> dict:
        """Constructor arguments."""
        return {"class": type(self).__name__, **self._conf}

    def num_frames(self, num_samples: int) -> int:
        """Number of frames: 1 + num_samples // hop."""
        return 1 + num_samples // self.hop

    def forward(
        self, wav: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """wav (B, N) in [-1, 1), lengths (B,) samples -> features (B, T, n_mels or n_mfcc), lengths (B,) frames.

        Frames beyond the length of an utterance are zero.
        """
        with torch.autocast(wav.device.type, enabled=False):  # features in full precision
            wav = self._mirrored(wav.float(), lengths)
            parts = wav.unfold(1, self.n_fft, self.hop).split(frames_at_once(wav), 1)
            feats = torch.cat([self._log_mel(part) for part in parts], 1)
        if lengths is None:
            return feats, None
        frames = 1 + lengths.div(self.hop, rounding_mode="floor")
        valid = torch.arange(feats.shape[1], device=feats.device) < frames[:, None]
        return feats * valid[:, :, None], frames

    def _mirrored(self, wav: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """wav (B, N) -> pre-emphasised, with half an FFT size of reflection padding at both ends of every utterance."""
        count, half = wav.shape[1], self.n_fft // 2
        last = torch.full_like(wav[:, :1], count - 1, dtype=torch.long) if lengths is None else lengths[:, None] - 1
        if self.preemphasis:
            before = torch.cat((wav.gather(1, last.clamp(max=1)), wav[:, :-1]), 1)
            wav = torch.sub(wav, before, alpha=self.preemphasis)
        period = (2 * last).clamp(min=1)  # a shorter utterance is reflected repeatedly
        head = torch.arange(-half, 0, device=wav.device).remainder(period)
        place = last + 1 + torch.arange(half, device=wav.device)
        tail = place.remainder(period)
        ends = [wav.gather(1, torch.minimum(end, period - end).minimum(last)) for end in (head, tail)]
        padded = torch.cat((ends[0], wav, torch.zeros_like(ends[1])), 1)
        return padded.scatter(1, place + half, ends[1])

    def _log_mel(self, frames: torch.Tensor) -> torch.Tensor:
        """Samples (B, T, n_fft) -> (B, T, dim)."""
        spectrum = torch.view_as_real(torch.fft.rfft(frames * self.taper))
        feats = (spectrum.square_().flatten(2) @ self.filters).add_(self.floor).log_()
        return feats if self.dct is None else feats @ self.dct
