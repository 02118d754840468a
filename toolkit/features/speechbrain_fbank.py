"""Log-mel energies in decibels, as SpeechBrain defines them."""

import torch
from torch import nn

from toolkit.features.frontend import FrontEnd
from toolkit.features.kaldi_fbank import check_size, frames_at_once
from toolkit.features.log_mel import mel_edges

_FLOOR = 1e-10  # smallest energy


class SpeechBrainFbank(FrontEnd):
    """SpeechBrain's ``Fbank``, input of its ECAPA-TDNN: centred spectrogram, mel, decibels, no pre-emphasis.

    Frame t is centred on sample t * hop, with zeros around the utterance, so N samples give 1 + N // hop frames.
    Filters are symmetric in Hz. Values are clipped to at most ``top_db`` below the maximum of the utterance.

    Args:
        fs: rate in Hz.
        n_mels: number of filters.
        n_fft: FFT size, even, at least a frame.
        frame_ms, hop_ms: window length and shift in milliseconds.
        low_hz, high_hz: band in Hz; ``high_hz`` <= 0 counts from the Nyquist frequency.
        top_db: dynamic range in dB.

    Raises:
        ValueError: ``n_fft`` is odd or below a frame, or the band is empty or not within 0 .. fs / 2.

    Example::

        SpeechBrainFbank()(torch.zeros(2, 16000))[0].shape  # (2, 101, 80)
    """

    taper: torch.Tensor
    filters: torch.Tensor

    def __init__(
        self,
        fs: int = 16000,
        n_mels: int = 80,
        n_fft: int = 400,
        frame_ms: float = 25.0,
        hop_ms: float = 10.0,
        low_hz: float = 0.0,
        high_hz: float = 0.0,
        top_db: float = 80.0,
    ):
        super().__init__()
        self._conf = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.fs, self.dim, self.n_fft, self.top_db = fs, n_mels, n_fft, top_db
        frame, self.hop = round(fs * frame_ms / 1000), round(fs * hop_ms / 1000)
        check_size(n_mels, n_fft)
        if frame > n_fft or n_fft % 2:
            raise ValueError(f"n_fft {n_fft}: must be even, and at least a frame, {frame} samples")
        with torch.device("cpu"):  # real values even for a network on the meta device
            taper = torch.hamming_window(frame, dtype=torch.float64).float()
            left = (n_fft - frame) // 2
            edges = mel_edges(n_mels, fs, low_hz, high_hz)
            bins = torch.arange(n_fft // 2 + 1, dtype=torch.float64)[:, None] * fs / n_fft
            filters = (1 - (bins - edges[1:-1]).abs() / (edges[1:-1] - edges[:-2])).clamp(min=0).float()
        self.register_buffer("taper", nn.functional.pad(taper, (left, n_fft - frame - left)), persistent=False)
        self.register_buffer("filters", filters.repeat_interleave(2, 0), persistent=False)

    def conf(self) -> dict:
        """Constructor arguments."""
        return {"class": type(self).__name__, **self._conf}

    def num_frames(self, num_samples: int) -> int:
        """Number of frames: 1 + num_samples // hop."""
        return 1 + num_samples // self.hop

    def forward(
        self, wav: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """wav (B, N) in [-1, 1), lengths (B,) samples -> decibels (B, T, n_mels), lengths (B,) frames.

        Frames beyond the length of an utterance are zero.
        """
        if lengths is not None:
            wav = wav * (torch.arange(wav.shape[1], device=wav.device) < lengths[:, None])
        with torch.autocast(wav.device.type, enabled=False):  # features in full precision
            wav = nn.functional.pad(wav.float(), (self.n_fft // 2, self.n_fft // 2))
            parts = wav.unfold(1, self.n_fft, self.hop).split(frames_at_once(wav), 1)
            feats = torch.cat([self._decibels(part) for part in parts], 1)
        if lengths is None:
            return feats.maximum(feats.amax((1, 2), keepdim=True) - self.top_db), None
        frames = 1 + lengths.div(self.hop, rounding_mode="floor")
        padding = (torch.arange(feats.shape[1], device=feats.device) >= frames[:, None])[:, :, None]
        loudest = feats.masked_fill(padding, -torch.inf).amax((1, 2), keepdim=True)
        return feats.maximum(loudest - self.top_db).masked_fill(padding, 0), frames

    def _decibels(self, frames: torch.Tensor) -> torch.Tensor:
        """Samples (B, T, n_fft) -> (B, T, n_mels)."""
        spectrum = torch.view_as_real(torch.fft.rfft(frames * self.taper))
        return (spectrum.square_().flatten(2) @ self.filters).clamp_(min=_FLOOR).log10_().mul_(10)
