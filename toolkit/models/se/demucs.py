"""Causal Demucs."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchaudio.functional import resample

from toolkit.io.errors import InputError
from toolkit.models.block_step import StepStream
from toolkit.models.network_stream import NetworkStream
from toolkit.models.se.base import SpeechEnhancer
from toolkit.models.se.demucs_step import DemucsStep
from toolkit.nn.device import device_of

_SINC_ZEROS = 56  # zero crossings of the interpolation filter on either side
_STD = 0.1  # reference standard deviation of the initial weights


class Demucs(SpeechEnhancer):
    """Causal Demucs on waveforms (Défossez, Synnaeve, Adi 2020, arXiv 2006.12847, section 2).

    The waveform, divided by its standard deviation, is interpolated, passes ``depth`` strided convolutions, an LSTM and
    ``depth`` transposed convolutions with additive skip connections, and is decimated. Encoder level i: convolution to
    2^(i-1) ``hidden`` channels - ReLU - 1 x 1 convolution to twice as many - GLU. Decoder level: 1 x 1 - GLU -
    transposed convolution - ReLU, without the last ReLU. Initial weights are rescaled as in Défossez et al. 2019 (arXiv
    1911.13254): w / sqrt(std(w) / 0.1).

    The defaults are dns64, 33,533,569 parameters, the enhancement baseline of SEED. Apart from the standard deviation
    of the whole waveform, an output sample depends on the input up to 44 ms later: 37 ms for a frame, and 3.5 ms for
    each of the two interpolations. With a fixed ``level`` in the place of the standard deviation it can stream.

    Args:
        fs: sampling rate in Hz.
        hidden: H, number of channels of the first level; doubled at each further level.
        depth: L, number of levels.
        kernel_size, stride: K and S, in samples of each level.
        resample: U, upsampling factor.
        lstm_layers: number of LSTM layers.
        floor: its square is added to the variance of the waveform, so that silence stays finite.
        level: the waveform is divided by this number instead; None: by its standard deviation.

    Raises:
        InputError: a size is below 1, ``stride`` is larger than ``kernel_size``, or ``level`` is not above 0.

    Example::

        Demucs(hidden=8)(torch.randn(2, 16000)).shape  # (2, 16000)
    """

    def __init__(
        self,
        fs: int = 16000,
        hidden: int = 64,
        depth: int = 5,
        kernel_size: int = 8,
        stride: int = 4,
        resample: int = 4,
        lstm_layers: int = 2,
        floor: float = 1e-3,
        level: float | None = None,
    ):
        super().__init__()
        if min(hidden, depth, stride, resample, lstm_layers) < 1 or stride > kernel_size:
            raise InputError(f"stride {stride} must be within kernel_size {kernel_size}, and every size at least 1")
        if level is not None and not level > 0:
            raise InputError(f"level {level:g}: must be above 0, or null")
        self.level = level
        self.fs, self.kernel_size, self.stride, self.resample, self.floor = fs, kernel_size, stride, resample, floor
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        for level in range(depth):
            width, outer = hidden << level, (hidden << level - 1) if level else 1
            down = nn.Conv1d(outer, width, kernel_size, stride)
            self.encoder.append(nn.Sequential(down, nn.ReLU(), nn.Conv1d(width, 2 * width, 1), nn.GLU(1)))
            up = nn.ConvTranspose1d(width, outer, kernel_size, stride)
            last = [nn.ReLU()] if level else []
            self.decoder.insert(0, nn.Sequential(nn.Conv1d(width, 2 * width, 1), nn.GLU(1), up, *last))
        self.lstm = nn.LSTM(width, width, lstm_layers, batch_first=True)
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d) and not layer.weight.is_meta:
                root = (layer.weight.detach().std() / _STD).sqrt()
                layer.weight.data /= root
                if layer.bias is not None:
                    layer.bias.data /= root

    def forward(self, wav: Tensor) -> Tensor:
        """(B, N) -> (B, N)."""
        scale = self._scale(wav)
        maps = self._encode(wav / scale)
        maps[-1] = maps[-1] + self.lstm(maps[-1].transpose(1, 2))[0].transpose(1, 2)
        return self._decode(maps, wav.shape[1]) * scale

    def _scale(self, wav: Tensor) -> Tensor:
        """(B, N) -> (B, 1)."""
        if self.level is not None:
            return torch.full_like(wav[:, :1], self.level)
        return (wav.var(1, correction=0, keepdim=True) + self.floor**2).sqrt()

    def _raised(self, samples: int) -> int:
        """Smallest length >= ``samples``, at the raised rate, that all levels divide without remainder."""
        length = samples * self.resample
        for _ in self.encoder:
            length = max(math.ceil((length - self.kernel_size) / self.stride), 0) + 1
        for _ in self.encoder:
            length = (length - 1) * self.stride + self.kernel_size
        return length

    def _encode(self, wav: Tensor) -> list[Tensor]:
        """(B, N) -> maps (B, C, T) of the levels, the deepest last."""
        length = self._raised(wav.shape[1])
        with torch.autocast(wav.device.type, enabled=False):
            x = _resampled(wav.float(), 1, self.resample)
        x, maps = F.pad(x, (0, length - x.shape[1]))[:, None], []
        for level in self.encoder:
            x = level(x)
            maps.append(x)
        return maps

    def _decode(self, maps: list[Tensor], samples: int) -> Tensor:
        """Maps of the levels, with the LSTM output added to the deepest -> (B, N)."""
        x = self.decoder[0](maps[-1])
        for level, skip in zip(self.decoder[1:], maps[-2::-1], strict=True):
            x = level(x + skip)
        with torch.autocast(x.device.type, enabled=False):
            return _resampled(x[:, 0, : samples * self.resample].float(), self.resample, 1)

    @torch.inference_mode()
    def enhance(self, wav: Tensor, chunk_seconds: float = 10.0) -> Tensor:
        """See SpeechEnhancer; equal to ``forward`` on the whole recording, with its standard deviation."""
        if len(wav) <= round(chunk_seconds * self.fs):
            return self(wav[None].to(device_of(self)))[0].to(wav.device)
        stream = self._stream(self._scale(wav[None]).item())
        chunks = wav.split(max(1, round(chunk_seconds * self.fs)))
        return torch.cat([*map(stream.process, chunks), stream.flush()])

    def open_stream(self) -> NetworkStream:
        """See SpeechEnhancer; needs a fixed ``level``. The latency is the delay of the layers, which work on whole
        frames, and a block of input: 51.5 ms at the default sizes.
        """
        return self._stream(self.fixed_level())

    def fixed_level(self) -> float:
        """``level``. Raises InputError if it is None."""
        if self.level is None:
            raise InputError(
                "Demucs: cannot stream: it divides by the standard deviation of the whole recording; train it with "
                "model.init_args.level"
            )
        return self.level

    def step(self, level: float) -> DemucsStep:
        """The network on blocks of samples, with ``level`` in the place of the standard deviation."""
        return DemucsStep(self, level, *_filters(self.resample)).to(device_of(self))

    def _stream(self, level: float) -> NetworkStream:
        return StepStream(self.step(level), device_of(self))


def _filters(raise_by: int) -> tuple[Tensor, Tensor]:
    """Filters of interpolation (U, 1, W) and decimation (1, 1, W'), from the responses to impulses."""
    if raise_by == 1:
        return torch.ones(1, 1, 1), torch.ones(1, 1, 1)
    up, down = torch.eye(2 * _SINC_ZEROS + 1), torch.eye(2 * raise_by * _SINC_ZEROS + 1)
    phases = _resampled(up, 1, raise_by)[:, raise_by * _SINC_ZEROS :][:, :raise_by]
    return phases.T[:, None].contiguous(), _resampled(down, raise_by, 1)[None, None, :, _SINC_ZEROS].contiguous()


def _resampled(wav: Tensor, old: int, new: int) -> Tensor:
    """Resample by sinc interpolation, (B, N) -> (B, N new / old)."""
    return wav if old == new else resample(wav, old, new, lowpass_filter_width=_SINC_ZEROS, rolloff=1.0)
