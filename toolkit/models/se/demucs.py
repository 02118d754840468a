"""Causal Demucs."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchaudio.functional import resample

from toolkit.io.errors import InputError
from toolkit.models.network_stream import NetworkStream
from toolkit.models.se.base import SpeechEnhancer

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
        maps[-1] = maps[-1] + self._recur(maps[-1])[0]
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

    def _recur(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None):
        """(B, C, T), state -> (B, C, T), state of the LSTM."""
        x, state = self.lstm(x.transpose(1, 2), state)
        return x.transpose(1, 2), state

    def _decode(self, maps: list[Tensor], samples: int) -> Tensor:
        """Maps of the levels, with the LSTM output added to the deepest -> (B, N)."""
        x = self.decoder[0](maps[-1])
        for level, skip in zip(self.decoder[1:], maps[-2::-1], strict=True):
            x = level(x + skip)
        with torch.autocast(x.device.type, enabled=False):
            return _resampled(x[:, 0, : samples * self.resample].float(), self.resample, 1)

    @torch.inference_mode()
    def enhance(self, wav: Tensor, chunk_seconds: float = 10.0) -> Tensor:
        """See SpeechEnhancer; equal to ``forward`` on the whole recording.

        Uses the standard deviation of the whole recording. Chunks have as much context on both sides as convolutions
        and filters need, and pass on the LSTM state.
        """
        device = next(self.parameters()).device
        scale = self._scale(wav[None])
        if len(wav) <= round(chunk_seconds * self.fs):
            return self(wav[None].to(device))[0].to(wav.device)
        out, run = torch.empty_like(wav), _Recurrence(self)
        step = run.block * max(1, round(chunk_seconds * self.fs / run.block))
        for first in range(0, len(wav), step):
            end = min(first + step, len(wav))
            start, stop = max(first - run.context, 0), min(end + run.context, len(wav))
            maps = self._encode((wav[None, start:stop] / scale).to(device))
            maps[-1] = maps[-1] + run(maps[-1], start, None if end == len(wav) else end)
            out[first:end] = self._decode(maps, stop - start)[0, first - start : end - start].to(wav)
        return out * scale[0]

    def open_stream(self) -> NetworkStream:
        """See SpeechEnhancer; needs a fixed ``level``. The latency is what an output sample depends on, and a block of
        input (60 ms at the default sizes).
        """
        if self.level is None:
            raise InputError(
                "Demucs: cannot stream: it divides by the standard deviation of the whole recording; train it with "
                "model.init_args.level"
            )
        return _Stream(self, self.level)


class _Recurrence:
    """The LSTM over the frames of a recording, which arrive in overlapping windows.

    Attributes:
        block: a whole number of frames, in samples; windows begin at multiples of it.
        context: context of a window beyond its output in samples, a multiple of ``block``.
    """

    def __init__(self, model: Demucs):
        self.model = model
        self.frame = model.stride ** len(model.encoder)  # frame shift in samples, at the raised rate
        self.reach = model._raised(1)  # receptive field of a frame
        self.filter = model.resample * (_SINC_ZEROS + 2)  # reach of the interpolation, on either side
        self.block = math.lcm(self.frame, model.resample) // model.resample
        context = math.ceil((self.reach + self.frame + 2 * self.filter) / model.resample)
        self.context = self.block * math.ceil(context / self.block)
        self.state, self.done = None, 0
        self.recent: Tensor | None = None  # outputs of the last frames before ``done``

    def __call__(self, x: Tensor, start: int, end: int | None) -> Tensor:
        """Encoded frames of a window (1, C, T) -> LSTM output of the needed frames, zeros elsewhere.

        Args:
            x: encoded frames.
            start: first sample of the window.
            end: sample up to which output is needed; None: the end of the recording.
        """
        first = start * self.model.resample // self.frame
        last = first + x.shape[2]
        if end is not None:
            last = min(last, math.ceil((end * self.model.resample + self.filter) / self.frame))
        recent = x[:, :, :0] if self.recent is None else self.recent
        if last > self.done:
            new, self.state = self.model._recur(x[:, :, self.done - first : last - first], self.state)
            recent = torch.cat((recent, new), 2)
        out = torch.zeros_like(x)
        shown = min(recent.shape[2], last - first)
        out[:, :, last - first - shown : last - first] = recent[:, :, recent.shape[2] - shown :]
        keep = math.ceil((self.reach + 2 * self.filter) / self.frame) + 2
        self.recent, self.done = recent[:, :, -keep:].clone(), last
        return out


class _Stream(NetworkStream):
    """The last samples of a recording, and the state of its LSTM; computes when a block of output is complete."""

    def __init__(self, model: Demucs, level: float):
        self.model, self.level, self.run = model, level, _Recurrence(model)
        self.ahead = math.ceil((self.run.reach + 2 * self.run.filter) / model.resample)  # samples after an output
        self.latency = self.ahead + self.run.block
        self.recent: Tensor | None = None
        self.start = self.given = 0  # first sample of ``recent``; number of output samples

    def process(self, chunk: Tensor) -> Tensor:
        """(N,) samples -> (M,) enhanced samples."""
        self.recent = chunk if self.recent is None else torch.cat((self.recent, chunk))
        block = self.run.block
        end = (self.start + len(self.recent) - self.ahead) // block * block
        return self._advance(end, end) if end > self.given else chunk[:0]

    def flush(self) -> Tensor:
        """(M,) enhanced samples up to the end."""
        assert self.recent is not None, "at least one chunk comes first"
        return self._advance(self.start + len(self.recent), None)

    def _advance(self, end: int, needed: int | None) -> Tensor:
        """Enhanced samples from the previous end to ``end``; ``needed``: see _Recurrence."""
        assert self.recent is not None
        wav = self.recent[None].to(next(self.model.parameters()).device) / self.level
        maps = self.model._encode(wav)
        maps[-1] = maps[-1] + self.run(maps[-1], self.start, needed)
        out = self.model._decode(maps, wav.shape[1])[0, self.given - self.start : end - self.start] * self.level
        start = max((end - self.run.context) // self.run.block * self.run.block, 0)
        self.recent, self.start, self.given = self.recent[start - self.start :], start, end
        return out.to(self.recent)


def _resampled(wav: Tensor, old: int, new: int) -> Tensor:
    """Resample by sinc interpolation, (B, N) -> (B, N new / old)."""
    return wav if old == new else resample(wav, old, new, lowpass_filter_width=_SINC_ZEROS, rolloff=1.0)
