"""Equivalents of operations that ONNX lacks or that depend on the length of the recording in Python.

Inside :func:`traceable` the classes below compute by matrix products, slices and constant padding. Every equivalent
takes whole utterances, without ``lengths``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.features.complex_stft import ComplexSTFT
from toolkit.features.kaldi_fbank import _FLOOR, _SCALE, KaldiFbank
from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.features.mel_power import MelPower
from toolkit.features.speechbrain_fbank import SpeechBrainFbank
from toolkit.models.se.conv_tasnet import ConvTasNet
from toolkit.models.se.demucs import Demucs
from toolkit.models.sv.ge2e import GE2E
from toolkit.models.sv.redimnet2 import ReDimNet2, _ChannelNorm
from toolkit.nn.dense_unet import PyramidPooling
from toolkit.nn.local_global import LocalGlobal


@contextmanager
def traceable() -> Iterator[None]:
    """Replace methods by their equivalents while a network is traced."""
    replaced: list[tuple[type, str, Callable]] = []
    fast_attention = torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        for cls, methods in _EQUIVALENTS.items():
            for name, method in methods.items():
                replaced.append((cls, name, cls.__dict__[name]))
                setattr(cls, name, method)
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_attention)
        for cls, name, method in replaced:
            setattr(cls, name, method)


def framed(wav: Tensor, window: int, hop: int, frames: int) -> Tensor:
    """wav (B, N), N >= (frames + ceil(window / hop) - 1) hop -> frames (B, T, window), without ``unfold``."""
    parts = -(-window // hop)
    blocks = wav[:, : (frames + parts - 1) * hop].reshape(len(wav), -1, hop)
    return torch.cat([blocks[:, i : i + frames] for i in range(parts)], 2)[:, :, :window]


def _overlapped(pieces: Tensor, hop: int) -> Tensor:
    """Overlap-add: frames (B, T, window) -> (B, samples), with zeros up to a whole number of hops."""
    parts = -(-pieces.shape[2] // hop)
    pieces = F.pad(pieces, (0, parts * hop - pieces.shape[2]))
    shifted = [F.pad(piece, (0, 0, i, parts - 1 - i)) for i, piece in enumerate(pieces.split(hop, 2))]
    return torch.stack(shifted).sum(0).flatten(1)


def spectrum_of(pieces: Tensor, transform: Callable[[Tensor], Tensor], size: int) -> Tensor:
    """Frames (B, T, size) -> (B, T, 2F), the real and imaginary part of each bin in turn.

    ``transform`` is linear, (..., size) samples -> (..., F) complex; its matrix is computed in float64.
    """
    matrix = torch.view_as_real(transform(torch.eye(size, dtype=torch.float64))).flatten(1)
    return pieces @ matrix.to(pieces.dtype)


def samples_of_frames(stft: ComplexSTFT, spectrum: Tensor) -> Tensor:
    """(B, 2, F, T) -> windowed samples (B, T, window), to be overlapped."""
    basis = torch.eye(2 * stft.bins, dtype=torch.float64).unflatten(1, (stft.bins, 2))
    matrix = torch.fft.irfft(torch.view_as_complex(basis), stft.window) * stft.taper.double()
    return spectrum.permute(0, 3, 2, 1).flatten(2) @ matrix.to(spectrum.dtype)


def tapered(taper: Tensor) -> Callable[[Tensor], Tensor]:
    """Windowed samples -> spectrum, for :func:`spectrum_of`."""
    return lambda frames: torch.fft.rfft(frames * taper.double())


def _behind(window: int, hop: int) -> int:
    """Zeros after a recording that :func:`framed` needs beyond the last frame."""
    return (-(-window // hop) + 1) * hop


def _stft(self: ComplexSTFT, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, None]:
    before = self.window - self.hop
    padded = F.pad(wav, (before, before + 2 * self.hop + _behind(self.window, self.hop)))
    pieces = framed(padded, self.window, self.hop, self.num_frames(wav.shape[1]))
    spectrum = spectrum_of(pieces, tapered(self.taper), self.window)
    return torch.stack((spectrum[..., ::2], spectrum[..., 1::2]), 1).transpose(2, 3), None


def _inverse(self: ComplexSTFT, spectrum: Tensor, num_samples: int) -> Tensor:
    pieces = samples_of_frames(self, spectrum)
    weight = torch.ones_like(pieces[:1, :, :1]) * self.taper.square()
    inside = slice(self.window - self.hop, self.window - self.hop + num_samples)
    return _overlapped(pieces, self.hop)[:, inside] / _overlapped(weight, self.hop)[:, inside]


def _kaldi_fbank(self: KaldiFbank, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, None]:
    frames = 1 + (wav.shape[1] - self.frame) // self.hop

    def transform(samples: Tensor) -> Tensor:
        samples = samples - samples.mean(-1, keepdim=True)
        before = torch.cat((samples[..., :1], samples[..., :-1]), -1)
        return torch.fft.rfft((samples - self.preemphasis * before) * self.taper[: self.frame].double(), self.n_fft)

    padded = F.pad(wav.float() * _SCALE, (0, _behind(self.frame, self.hop)))
    spectrum = spectrum_of(framed(padded, self.frame, self.hop, frames), transform, self.frame)
    return (spectrum.square() @ self.filters).clamp(min=_FLOOR).log(), None


def _log_mel(self: LogMelSpectrogram, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, None]:
    frames = 1 + wav.shape[1] // self.hop
    padded = F.pad(self._mirrored(wav.float(), None), (0, _behind(self.n_fft, self.hop)))
    spectrum = spectrum_of(framed(padded, self.n_fft, self.hop, frames), tapered(self.taper), self.n_fft)
    feats = (spectrum.square() @ self.filters + self.floor).log()
    return feats if self.dct is None else feats @ self.dct, None


def _mel_power(self: MelPower, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, None]:
    padded = F.pad(self._raised(wav.float(), None), (self.frame // 2, self.frame + _behind(self.frame, self.hop)))
    pieces = framed(padded, self.frame, self.hop, self.num_frames(wav.shape[1]))
    return spectrum_of(pieces, tapered(self.taper), self.frame).square() @ self.filters, None


def _speechbrain_fbank(self: SpeechBrainFbank, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, None]:
    padded = F.pad(wav.float(), (self.n_fft // 2, self.n_fft // 2 + _behind(self.n_fft, self.hop)))
    pieces = framed(padded, self.n_fft, self.hop, self.num_frames(wav.shape[1]))
    energies = spectrum_of(pieces, tapered(self.taper), self.n_fft).square() @ self.filters
    feats = energies.clamp(min=1e-10).log10() * 10
    return feats.maximum(feats.amax((1, 2), keepdim=True) - self.top_db), None


def _conv_tasnet(self: ConvTasNet, wav: Tensor) -> Tensor:
    samples = wav.shape[1]
    return self.network(F.pad(wav, (0, -samples % self.network.enc_stride))[:, None])[:, 0, :samples]


def _raised(self: Demucs, samples: int) -> int:
    length = samples * self.resample
    for _ in self.encoder:
        length = (length - self.kernel_size + self.stride - 1) // self.stride + 1
    for _ in self.encoder:
        length = (length - 1) * self.stride + self.kernel_size
    return length


def _ge2e(self: GE2E, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
    steps: Any = torch.as_tensor((feats.shape[1] - self.min_frames) // self.step_frames).clamp(min=0)
    places = torch.arange(steps + 1)[:, None] * self.step_frames + torch.arange(self.window_frames)
    windows = F.pad(feats, (0, 0, 0, self.window_frames))[0][places]
    return F.normalize(self._embedded(windows).sum(0, keepdim=True), dim=1)


def _redimnet2(self: ReDimNet2, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
    frames = feats.shape[1]
    padded = F.pad(feats, (0, 0, 0, -frames % self.time_stride))
    return _REDIMNET2(self, padded, torch.ones_like(feats[:, 0, 0], dtype=torch.long) * frames)


def _channel_norm(self: _ChannelNorm, x: Tensor) -> Tensor:
    last = (0, *range(2, x.dim()), 1)
    return nn.LayerNorm.forward(self, x.permute(last)).permute(0, x.dim() - 1, *range(1, x.dim() - 1))


def _instance_norm(self: nn.modules.instancenorm._InstanceNorm, x: Tensor) -> Tensor:
    axes = tuple(range(2, x.dim()))
    x = x - x.mean(axes, keepdim=True)
    x = x / (x.square().mean(axes, keepdim=True) + self.eps).sqrt()
    shape = (-1, *[1] * len(axes))
    return x if self.weight is None else x * self.weight.view(shape) + self.bias.view(shape)


def _unflatten(self: Tensor, dim: int, sizes: tuple[int, ...]) -> Tensor:
    dim %= self.dim()
    return self.reshape(*self.shape[:dim], *sizes, *self.shape[dim + 1 :])


def _filtered(self: LocalGlobal, magnitude: Tensor, mask: Tensor | None) -> Tensor:
    if self.arn is None:
        return _FILTERED(self, magnitude, mask)
    return self.arn(magnitude.transpose(1, 2)[0, :, :, None])[None, :, :, 0].transpose(1, 2)


def _pyramid(self: PyramidPooling, x: Tensor) -> Tensor:
    maps, (bins, frames) = [x], x.shape[2:]
    for size, reduce in zip(self.sizes, self.reduce, strict=True):
        missing: Any = (size - torch.as_tensor(frames)).clamp(min=0)  # of a patch that is longer than the map
        padded = F.pad(x, (0, missing)) * (size / (size - missing))
        pooled = reduce(F.avg_pool2d(padded, (min(size, int(bins)), size)))
        maps.append(F.interpolate(pooled, (bins, frames), mode="bilinear"))
    return self.merge(torch.cat(maps, dim=1))


_REDIMNET2, _FILTERED = ReDimNet2.forward, LocalGlobal._filtered
_EQUIVALENTS: dict[type, dict[str, Callable]] = {
    Tensor: {"unflatten": _unflatten},  # torch's fixes the sizes of the other dimensions
    nn.modules.instancenorm._InstanceNorm: {"forward": _instance_norm},
    ComplexSTFT: {"forward": _stft, "inverse": _inverse},
    KaldiFbank: {"forward": _kaldi_fbank},
    LogMelSpectrogram: {"forward": _log_mel},
    MelPower: {"forward": _mel_power},
    SpeechBrainFbank: {"forward": _speechbrain_fbank},
    ConvTasNet: {"forward": _conv_tasnet},
    Demucs: {"_raised": _raised},
    GE2E: {"forward": _ge2e},
    ReDimNet2: {"forward": _redimnet2},
    _ChannelNorm: {"forward": _channel_norm},
    LocalGlobal: {"_filtered": _filtered},
    PyramidPooling: {"forward": _pyramid},
}
