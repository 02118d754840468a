"""Mel energies without a logarithm, as librosa defines them."""

import math

import torch
from torch import nn

from toolkit.features.frontend import FrontEnd
from toolkit.features.kaldi_fbank import check_size, frames_at_once
from toolkit.features.log_mel import hertz_triangles
from toolkit.nn.mask import length_mask

_LINEAR_HZ, _HZ_A_MEL, _MELS_A_NEPER = 1000.0, 200.0 / 3, 27.0 / math.log(6.4)
_QUIETEST = 1e-10  # RMS below which a recording is silence and gets no gain


def slaney_filters(n_mels: int, n_fft: int, fs: int) -> torch.Tensor:
    """Triangular filters of unit area (in Hz) up to fs / 2 on Slaney's mel scale -> (n_fft // 2 + 1, n_mels).

    The scale is linear below 1 kHz and logarithmic above (Slaney 1998, Auditory Toolbox, version 2).
    """
    bend = _LINEAR_HZ / _HZ_A_MEL
    top = fs / 2 / _HZ_A_MEL if fs <= 2 * _LINEAR_HZ else bend + _MELS_A_NEPER * math.log(fs / 2 / _LINEAR_HZ)
    mels = torch.linspace(0, top, n_mels + 2, dtype=torch.float64)
    edges = torch.where(mels < bend, _HZ_A_MEL * mels, _LINEAR_HZ * ((mels - bend) / _MELS_A_NEPER).exp())
    return (hertz_triangles(edges, n_fft, fs) * 2 / (edges[2:] - edges[:-2])).float()


class MelPower(FrontEnd):
    """Mel power spectrogram of a level-normalised recording: input of :class:`toolkit.models.sv.GE2E`.

    Energies are those of ``librosa.feature.melspectrogram`` (0.11) with its defaults: Hann window, Slaney's scale,
    filters of unit area, no logarithm. Frame t is centred on sample t * hop, with zeros around the utterance. There
    are 1 + N // hop + ceil(frame / 2 / hop) frames, all that can contain one of the N samples; librosa gives only the
    first 1 + N // hop.

    Args:
        fs: rate in Hz.
        n_mels: number of filters.
        frame_ms, hop_ms: window length and shift in milliseconds.
        target_dbfs: RMS in dBFS to which quieter recordings are raised; louder ones and silence are unchanged. The
            default is that of Resemblyzer 0.1.4; None: no gain.

    Raises:
        ValueError: the matrix of filters is unreasonably large.

    Example::

        MelPower()(0.1 * torch.randn(2, 16000))[0].shape  # (2, 103, 40)
    """

    taper: torch.Tensor
    filters: torch.Tensor

    def __init__(
        self,
        fs: int = 16000,
        n_mels: int = 40,
        frame_ms: float = 25.0,
        hop_ms: float = 10.0,
        target_dbfs: float | None = -30.0,
    ):
        super().__init__()
        self._conf = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.fs, self.dim, self.target_dbfs = fs, n_mels, target_dbfs
        self.frame, self.hop = int(fs * frame_ms / 1000), int(fs * hop_ms / 1000)
        check_size(n_mels, self.frame)
        # One row each for the real and imaginary part of a bin: the filters sum their squares.
        filters = slaney_filters(n_mels, self.frame, fs).repeat_interleave(2, 0)
        taper = torch.signal.windows.hann(self.frame, sym=False, dtype=torch.float64, device=torch.device("cpu"))
        self.register_buffer("taper", taper.float(), persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def conf(self) -> dict:
        """Constructor arguments."""
        return {"class": type(self).__name__, **self._conf}

    def num_frames(self, num_samples: int) -> int:
        """Number of frames, with those centred after the end that overlap the recording."""
        return 1 + num_samples // self.hop + -(-(self.frame // 2) // self.hop)

    def forward(
        self, wav: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """wav (B, N) in [-1, 1), lengths (B,) samples -> energies (B, T, n_mels), lengths (B,) frames.

        Frames beyond the length of an utterance are zero.
        """
        before, frames = self.frame // 2, self.num_frames(wav.shape[1])
        behind = (frames - 1) * self.hop + self.frame - before - wav.shape[1]
        with torch.autocast(wav.device.type, enabled=False):  # features in full precision
            wav = wav.float() if lengths is None else wav.float() * length_mask(lengths, wav.shape[1])
            wav = nn.functional.pad(self._raised(wav, lengths), (before, behind))
            parts = wav.unfold(1, self.frame, self.hop).split(frames_at_once(wav), 1)
            feats = torch.cat([self._energies(part) for part in parts], 1)
        return feats, None if lengths is None else self.num_frames(0) + lengths.div(self.hop, rounding_mode="floor")

    def _raised(self, wav: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """wav (B, N) with zero padding -> the same, raised to ``target_dbfs`` if below."""
        if self.target_dbfs is None:
            return wav
        count = wav.shape[1] if lengths is None else lengths[:, None]
        power = wav.square().sum(1, keepdim=True) / count
        level = power.clamp(min=_QUIETEST**2).sqrt()  # clamp first: the gradient of silence stays finite
        return wav * (10 ** (self.target_dbfs / 20) / level).clamp(min=1)

    def _energies(self, frames: torch.Tensor) -> torch.Tensor:
        """Samples (B, T, frame) -> (B, T, n_mels)."""
        return torch.view_as_real(torch.fft.rfft(frames * self.taper)).square_().flatten(2) @ self.filters
