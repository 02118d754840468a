"""GTCRN."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from toolkit.features.complex_stft import ComplexSTFT, magnitude
from toolkit.io.errors import InputError
from toolkit.models.frame_stream import FrameStream, State
from toolkit.models.network_stream import NetworkStream
from toolkit.models.se.base import SpeechEnhancer
from toolkit.nn.device import device_of


class GTCRN(SpeechEnhancer):
    """GTCRN (Rong, Sun, Zhang, Hu, Zhu, Lu 2024, ICASSP): 48.2 k parameters, 33 MMACs/s, causal.

    Input: magnitude, real and imaginary part of a spectrogram, with the upper bins merged to ERB bands and each band
    stacked with its neighbours (subband feature extraction, SFE). Encoder: two convolutions that halve the bands, three
    grouped temporal blocks with dilation in time. Two grouped dual-path RNNs. Decoder: the mirror image with transposed
    convolutions and additive skip connections. Output: a complex ratio mask on bands, expanded to bins.

    The default sizes are the published ones: 23,669 trained parameters and 24,576 fixed ones in the filters. The
    authors' repository reports 33.0 MMACs/s; the paper reports 39.6, which includes a product of the lowest bins with a
    unit matrix. As in the repository, only the linear layer after an RNN mixes its groups. Transposed convolutions of
    stride 1 are written as convolutions, and an SFE with the following 1x1 convolution as one convolution over three
    bands. An output sample depends on the input up to one window (32 ms) later.

    Args:
        fs: sampling rate in Hz.
        window, hop: frame length and shift in samples; a window is a whole number of hops.
        low_bins: number of bins from 0 Hz on that are not merged.
        erb_bands: number of bands for the bins above.
        channels: C, a multiple of 4.
        dilations: dilations of the encoder's grouped temporal blocks, in frames.

    Raises:
        InputError: ``window`` is not a multiple of ``hop``, ``low_bins + erb_bands`` is not 1 more than a multiple of
            4, two bands have the same bin, or ``channels`` is not a multiple of 4.

    Example::

        GTCRN()(torch.randn(2, 16000)).shape  # (2, 16000)
    """

    def __init__(
        self,
        fs: int = 16000,
        window: int = 512,
        hop: int = 256,
        low_bins: int = 65,
        erb_bands: int = 64,
        channels: int = 16,
        dilations: tuple[int, ...] = (1, 2, 5),
    ):
        super().__init__()
        if channels < 4 or channels % 4 or window % hop or (low_bins + erb_bands) % 4 != 1:
            raise InputError(
                f"channels {channels}: must be a multiple of 4; window {window}: of hop {hop}; low_bins {low_bins} + "
                f"erb_bands {erb_bands}: 1 more than a multiple of 4"
            )
        self.fs, self.low_bins = fs, low_bins
        self.stft = ComplexSTFT(window, hop)
        filters = torch.from_numpy(_erb_filters(fs, window, low_bins, erb_bands))
        self.merge = nn.Parameter(torch.empty(filters.shape), requires_grad=False)
        self.spread = nn.Parameter(torch.empty(filters.T.shape), requires_grad=False)
        self.merge.copy_(filters)  # no effect on the meta device
        self.spread.copy_(filters.T)
        self.down = nn.ModuleList([_strided(nn.Conv2d, 9, channels), _strided(nn.Conv2d, channels, channels, groups=2)])
        self.encoder = nn.ModuleList(GroupedTemporalBlock(channels, d) for d in dilations)
        self.bands = (low_bins + erb_bands + 3) // 4
        self.bottleneck = nn.ModuleList(GroupedDualPathRNN(channels, self.bands) for _ in range(2))
        self.decoder = nn.ModuleList(GroupedTemporalBlock(channels, d) for d in reversed(dilations))
        inverse, tanh = nn.ConvTranspose2d, nn.Tanh()
        self.up = nn.ModuleList([_strided(inverse, channels, channels, 2), _strided(inverse, channels, 2, 1, tanh)])

    def forward(self, wav: Tensor) -> Tensor:
        """(B, N) -> (B, N)."""
        spectrum, _ = self.stft(wav)
        return self.stft.inverse(self.frames(spectrum)[0], wav.shape[1])

    def frames(
        self, spectrum: Tensor, states: list[State] | None = None, gains: Iterable[Tensor | float] = (1.0, 1.0)
    ) -> tuple[Tensor, list[State]]:
        """Frames (B, 2, F, T) that follow those of ``states`` -> enhanced frames (B, 2, F, T), states.

        Args:
            gains: factor on the input of each dual-path RNN, (B, C, bands, 1) or a number.
        """
        x = torch.cat((magnitude(spectrum)[:, None], spectrum), 1)
        low, high = x[:, :, : self.low_bins], x[:, :, self.low_bins :]
        x = _with_neighbours(torch.cat((low, self.merge @ high), 2))
        skips, new = [], []
        before = iter(states or [(None, None)] * (2 * len(self.encoder) + len(self.bottleneck)))
        for conv in self.down:
            x = conv(x)
            skips.append(x)
        for block in self.encoder:
            x, state = block(x, next(before))
            skips.append(x)
            new.append(state)
        for rnn, gain in zip(self.bottleneck, gains, strict=True):
            x, state = rnn(x * gain, next(before))
            new.append(state)
        for block in self.decoder:
            x, state = block(x + skips.pop(), next(before))
            new.append(state)
        for conv in self.up:
            x = conv(x + skips.pop())
        mask = torch.cat((x[:, :, : self.low_bins], self.spread @ x[:, :, self.low_bins :]), 2)
        (real, imag), (mask_real, mask_imag) = spectrum.unbind(1), mask.unbind(1)
        product = (real * mask_real - imag * mask_imag, imag * mask_real + real * mask_imag)
        return torch.stack(product, 1), new

    def stream(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Enhance audio as it arrives; the concatenated outputs equal ``forward`` on the whole recording.

        Args:
            chunks: (N_i,) samples each, of any lengths, at least one sample in total.

        Yields:
            (M_i,) enhanced samples on the device of the chunks: after each chunk the complete samples, at most a window
            behind the input; after the last chunk the rest.

        Example::

            for enhanced in model.eval().stream(wav.split(256)):
                play(enhanced)
        """
        stream = self.open_stream()
        for chunk in chunks:
            if len(enhanced := stream.process(chunk)):
                yield enhanced
        yield stream.flush()

    def open_stream(self) -> NetworkStream:
        """See SpeechEnhancer; the latency is a window."""
        return FrameStream(self.stft, self.frames, device_of(self))

    def enhance(self, wav: Tensor, chunk_seconds: float = 10.0) -> Tensor:
        """See SpeechEnhancer; equal to ``forward`` on the whole recording."""
        return torch.cat(list(self.stream(wav.split(max(1, round(chunk_seconds * self.fs))))))


class GroupedTemporalBlock(nn.Module):
    """SFE, 1x1, dilated depthwise and 1x1 convolution, and TRA on half of the channels; the other half is unchanged.

    The halves are interleaved at the end. Each convolution has a normalisation; all but the last have a PReLU.

    Args:
        channels: C.
        dilation: dilation in frames; the kernel covers the ``2 dilation`` frames before its own.
    """

    def __init__(self, channels: int, dilation: int):
        super().__init__()
        half, self.past = channels // 2, 2 * dilation
        self.point = nn.Sequential(
            nn.Conv2d(half, channels, (3, 1), padding=(1, 0)), nn.BatchNorm2d(channels), nn.PReLU()
        )
        self.depth = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=(1, 0), dilation=(1, dilation), groups=channels),
            nn.BatchNorm2d(channels),
            nn.PReLU(),
        )
        self.out = nn.Sequential(nn.Conv2d(channels, half, 1), nn.BatchNorm2d(half))
        self.attention = TemporalRecurrentAttention(half)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """(B, C, F, T), state -> (B, C, F, T), state."""
        past, memory = state
        x, passed = x.chunk(2, 1)
        x = self.point(x)
        x = F.pad(x, (self.past, 0)) if past is None else torch.cat((past, x), 3)
        past = x[..., x.shape[3] - self.past :]
        x, memory = self.attention(self.out(self.depth(x)), memory)
        return torch.stack((x, passed), 2).flatten(1, 2), (past, memory)


class TemporalRecurrentAttention(nn.Module):
    """TRA: x sigma(W GRU(mean_F x^2)), a gate for each channel and frame.

    Args:
        channels: C; the GRU has 2C cells.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.gru = nn.GRU(channels, 2 * channels, batch_first=True)
        self.gate = nn.Linear(2 * channels, channels)

    def forward(self, x: Tensor, memory: Tensor | None) -> tuple[Tensor, Tensor]:
        """(B, C, F, T), memory of the GRU -> (B, C, F, T), memory."""
        hidden, memory = self.gru(x.square().mean(2).transpose(1, 2), memory)
        return x * self.gate(hidden).sigmoid().transpose(1, 2)[:, :, None], memory


class GroupedDualPathRNN(nn.Module):
    """x + LN(W BGRU_F(x)) over frequency, then the same with a GRU over time; the RNNs work on two channel groups.

    Args:
        channels: C.
        bands: F; the normalisation is over bands and channels.
    """

    def __init__(self, channels: int, bands: int):
        super().__init__()
        half = channels // 2
        self.intra = nn.ModuleList(nn.GRU(half, half // 2, bidirectional=True) for _ in range(2))
        self.inter = nn.ModuleList(nn.GRU(half, half) for _ in range(2))
        self.mix = nn.ModuleList(nn.Linear(channels, channels) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm((bands, channels), eps=1e-8) for _ in range(2))

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """(B, C, F, T), memories of the two GRUs over time -> (B, C, F, T), memories."""
        x = x.permute(2, 0, 3, 1)  # (F, B, T, C)
        y = _grouped(self.intra, x.flatten(1, 2), (None, None))[0].view(x.shape)
        x = (x + self._normalised(0, y)).permute(2, 1, 0, 3)  # (T, B, F, C)
        y, state = _grouped(self.inter, x.flatten(1, 2), state)
        x = x + self._normalised(1, y.view(x.shape).permute(2, 1, 0, 3)).permute(2, 1, 0, 3)
        return x.permute(1, 3, 2, 0), state

    def _normalised(self, path: int, y: Tensor) -> Tensor:
        """(F, B, T, C) of the RNNs -> (F, B, T, C)."""
        return self.norms[path](self.mix[path](y).permute(1, 2, 0, 3)).permute(2, 0, 1, 3)


def _grouped(rnns: nn.ModuleList, x: Tensor, memories: State) -> tuple[Tensor, State]:
    """(L, B, C), memories of the RNNs of all channel groups -> (L, B, C), memories."""
    outputs = [rnn(part, memory) for rnn, part, memory in zip(rnns, x.chunk(2, 2), memories, strict=True)]
    return torch.cat([y for y, _ in outputs], 2), tuple(memory for _, memory in outputs)


def _strided(kind, inputs: int, outputs: int, groups: int = 1, last: nn.Module | None = None) -> nn.Sequential:
    """(B, C, F, T) -> (B, C', (F + 1) // 2, T) by a convolution, (B, C', 2F - 1, T) by a transposed one."""
    conv = kind(inputs, outputs, (5, 1), (2, 1), (2, 0), groups=groups)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), last or nn.PReLU())


def _with_neighbours(x: Tensor) -> Tensor:
    """SFE: (B, C, F, T) -> (B, 3C, F, T): the band below, the band, the band above."""
    padded = F.pad(x, (0, 0, 1, 1))
    return torch.cat((padded[:, :, :-2], x, padded[:, :, 2:]), 1)


def _erb_filters(fs: int, window: int, low_bins: int, bands: int) -> np.ndarray:
    """Triangular filters over the bins from ``low_bins`` on, which sum to 1 at each bin -> (bands, bins) float32.

    Their peaks are equally spaced on the scale 21.4 log10(1 + 0.00437 f), rounded to bins.
    """
    edges = 21.4 * np.log10(1 + 0.00437 * fs * np.array([low_bins / window, 0.5]))
    peaks = np.rint((10 ** (np.linspace(edges[0], edges[1], bands) / 21.4) - 1) / 0.00437 / fs * window)
    if (np.diff(peaks) < 1).any():
        raise InputError(
            f"erb_bands {bands}: two bands have the same bin; use fewer bands, more low_bins or a longer window"
        )
    bins = np.arange(low_bins, window // 2 + 1)
    return np.stack([np.interp(bins, peaks, peak) for peak in np.eye(bands)]).astype(np.float32)
