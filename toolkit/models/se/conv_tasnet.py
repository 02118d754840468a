"""Conv-TasNet."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.models.se.base import SpeechEnhancer


class ConvTasNet(SpeechEnhancer):
    """Conv-TasNet (Luo and Mesgarani 2019, arXiv 1809.07454) for one source, as torchaudio builds it.

    The defaults are those of SSL-MSE (Sato et al. 2025, section 5.1.1): 17,346,625 parameters. Skip connections have
    the width of the bottleneck (Sc = B), the last block has no residual output, the encoder no ReLU.

    Normalisation is over all channels and frames (gLN), so every output sample depends on the whole recording.

    Args:
        fs: sampling rate in Hz.
        filters: N, number of encoder filters.
        filter_samples: L, filter length in samples, even; the stride is L / 2.
        bottleneck: B and Sc, number of channels between blocks.
        hidden: H, number of channels in a block.
        kernel_size: P, kernel of the depthwise convolutions in frames, odd.
        blocks: X, number of blocks in a repeat, with dilations 1, 2, 4, ...
        repeats: R, number of repeats.
        mask: activation of the mask, ``sigmoid`` or ``relu``.

    Raises:
        InputError: a size or ``mask`` is invalid.

    Example::

        ConvTasNet(filters=64, hidden=32, blocks=2)(torch.randn(2, 16000)).shape  # (2, 16000)
    """

    def __init__(
        self,
        fs: int = 16000,
        filters: int = 4096,
        filter_samples: int = 320,
        bottleneck: int = 256,
        hidden: int = 512,
        kernel_size: int = 3,
        blocks: int = 8,
        repeats: int = 4,
        mask: str = "sigmoid",
    ):
        super().__init__()
        if filter_samples < 2 or filter_samples % 2 or kernel_size % 2 == 0:
            raise InputError(
                f"filter_samples {filter_samples}, kernel_size {kernel_size}: the first must be even, the second odd"
            )
        if mask not in ("sigmoid", "relu"):
            raise InputError(f"mask {mask!r}: must be one of sigmoid, relu")
        self.fs = fs
        self.network = torchaudio.models.ConvTasNet(
            num_sources=1,
            enc_kernel_size=filter_samples,
            enc_num_feats=filters,
            msk_kernel_size=kernel_size,
            msk_num_feats=bottleneck,
            msk_num_hidden_feats=hidden,
            msk_num_layers=blocks,
            msk_num_stacks=repeats,
            msk_activate=mask,
        )
        for block in self.network.mask_generator.conv_layers:  # torchaudio's padding fits only kernels of 3
            depthwise = block.conv_layers[3]
            depthwise.padding = (depthwise.dilation[0] * (kernel_size // 2),)

    def forward(self, wav: Tensor) -> Tensor:
        """(B, N) -> (B, N)."""
        return self.network(wav[:, None])[:, 0]

    @torch.inference_mode()
    def enhance(self, wav: Tensor, chunk_seconds: float = 10.0) -> Tensor:
        """See SpeechEnhancer; equal to ``forward`` on the whole recording.

        Works layer by layer: one block processes the whole recording in chunks before the next block, so normalisation
        has the statistics of all frames. A temporary file holds the maps between two blocks, 8 B bytes per frame
        (0.2 MB/s). The computation is about 5 / 3 of ``forward``.

        Raises:
            InputError: the temporary folder has not enough space.
        """
        step = max(1, round(chunk_seconds * self.fs / self.network.enc_stride))
        if len(wav) <= step * self.network.enc_stride:
            return self(wav[None].to(self.network.encoder.weight.device))[0].to(wav.device)
        with tempfile.TemporaryDirectory() as folder:
            return _LayerByLayer(self.network, wav, step, Path(folder) / "frames").enhance()


class _Moments:
    """Running mean and variance for a normalisation over all frames."""

    def __init__(self, norm: nn.GroupNorm):
        self.norm, self.count = norm, 0
        self.total = self.squares = norm.weight.new_zeros((), dtype=torch.float64)

    def add(self, x: Tensor) -> None:
        x = x.double()
        self.count += x.numel()
        self.total, self.squares = self.total + x.sum(), self.squares + x.square().sum()

    def normalized(self, x: Tensor) -> Tensor:
        """(1, C, T) -> (1, C, T)."""
        mean = self.total / self.count
        scale = (self.squares / self.count - mean.square()).clamp(min=0).add(self.norm.eps).rsqrt()
        return (x - mean.to(x.dtype)) * (scale.to(x.dtype) * self.norm.weight)[:, None] + self.norm.bias[:, None]


def _file_of_zeros(path: Path, rows: int, columns: int) -> Tensor:
    """(rows, columns) float32 in a mapped file, which the system can move out of memory."""
    try:
        with open(path, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, 4 * rows * columns)
    except OSError as error:
        need = 4e-9 * rows * columns
        raise InputError(f"{path.parent}: {need:.1f} GB are needed: {error.strerror}; set TMPDIR elsewhere") from None
    return torch.from_file(str(path), shared=True, size=rows * columns, dtype=torch.float32).view(rows, columns)


class _LayerByLayer:
    """Layer-by-layer inference of a Conv-TasNet on one recording.

    Args:
        network: torchaudio's network.
        wav: (N,) samples.
        step: number of frames per chunk.
        path: temporary file for the frames.
    """

    def __init__(self, network: torchaudio.models.ConvTasNet, wav: Tensor, step: int, path: Path):
        self.network, self.wav, self.step = network, wav, step
        self.device = network.encoder.weight.device
        self.frames = -(-len(wav) // network.enc_stride) + 1
        width = network.mask_generator.input_conv.out_channels
        self.between = _file_of_zeros(path, self.frames, 2 * width)  # residual path, sum of the skip connections
        self.width = width

    def enhance(self) -> Tensor:
        """Enhance the recording, (N,) samples."""
        generator, hop = self.network.mask_generator, self.network.enc_stride
        moments = _Moments(generator.input_norm)
        for first, end in self._spans():
            moments.add(self._encoded(first, end))
        for first, end in self._spans():
            self._keep(first, end, generator.input_conv(moments.normalized(self._encoded(first, end))))
        for block in generator.conv_layers:
            self._through(block)
        out = torch.zeros((self.frames + 1) * hop, dtype=self.wav.dtype, device=self.wav.device)
        for first, end in self._spans():
            skips = self._kept(first, end)[:, self.width :]
            mask = generator.mask_activate(generator.output_conv(generator.output_prelu(skips)))
            part = F.conv_transpose1d(mask * self._encoded(first, end), self.network.decoder.weight, stride=hop)
            out[first * hop : (end + 1) * hop] += part[0, 0].to(out)
        return out[hop : hop + len(self.wav)]

    def _spans(self) -> Iterator[tuple[int, int]]:
        for first in range(0, self.frames, self.step):
            yield first, min(first + self.step, self.frames)

    def _encoded(self, first: int, end: int) -> Tensor:
        """Frames of the encoder: (1, N, end - first)."""
        hop = self.network.enc_stride
        start, stop = (first - 1) * hop, end * hop
        samples = self.wav[max(start, 0) : min(stop, len(self.wav))].to(self.network.encoder.weight)
        samples = F.pad(samples, (max(-start, 0), max(stop - len(self.wav), 0)))
        return F.conv1d(samples[None, None], self.network.encoder.weight, stride=hop)

    def _kept(self, first: int, end: int) -> Tensor:
        """Stored frames between two blocks: (1, 2 B, end - first)."""
        return self.between[first:end].T[None].to(self.device)

    def _keep(self, first: int, end: int, residual: Tensor | None, skip: Tensor | None = None) -> None:
        """Add to the residual path and to the skip connections."""
        if residual is not None:
            self.between[first:end, : self.width] += residual[0].T.cpu()
        if skip is not None:
            self.between[first:end, self.width :] += skip[0].T.cpu()

    def _through(self, block: Any) -> None:
        """Apply a block to the stored frames: two passes for statistics, one for the outputs."""
        widen, activate, first_norm, depthwise, activate_again, second_norm = block.conv_layers
        first_moments, second_moments = _Moments(first_norm), _Moments(second_norm)
        reach = depthwise.padding[0]

        def inner(x: Tensor, left: int, right: int) -> Tensor:
            """Frames with context -> hidden frames before the second norm; ``left``, ``right``: zeros to add."""
            hidden = F.pad(first_moments.normalized(activate(widen(x))), (left, right))
            options = {"dilation": depthwise.dilation, "groups": depthwise.groups}
            return activate_again(F.conv1d(hidden, depthwise.weight, depthwise.bias, **options))

        for first, end in self._spans():
            first_moments.add(activate(widen(self._kept(first, end)[:, : self.width])))
        for update in (False, True):
            before = torch.empty(1, self.width, 0, device=self.device)  # left context, not yet updated
            for first, end in self._spans():
                stop = min(end + reach, self.frames)
                x = torch.cat((before, self._kept(first, stop)[:, : self.width]), 2)
                left = before.shape[2]
                before = x[:, :, max(left + end - first - reach, 0) : left + end - first]
                hidden = inner(x, reach - left, end + reach - stop)
                if update:
                    hidden = second_moments.normalized(hidden)
                    residual = None if block.res_out is None else block.res_out(hidden)
                    self._keep(first, end, residual, block.skip_out(hidden))
                else:
                    second_moments.add(hidden)
