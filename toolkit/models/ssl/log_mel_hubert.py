"""A small HuBERT on log-mel features."""

from torch import Tensor, nn

from toolkit.features.log_mel import LogMelSpectrogram
from toolkit.io.errors import InputError
from toolkit.models.ssl.masked_predictor import MaskedPredictor
from toolkit.nn.feature_norm import utterance_norm
from toolkit.nn.mask import length_mask, zero_padding


class LogMelHubert(MaskedPredictor):
    """HuBERT (Hsu et al. 2021, arXiv 2106.07447) in a size for a CPU: convolutions on log-mel, transformer.

    The published model reads the waveform by seven convolutions of 512 channels, which are most of its cost below a
    size of 10 M and need much speech to become a filterbank. Here they begin at a log-mel spectrogram of 10 ms hop,
    normalised over the utterance: a convolution of stride 1, and one of stride 2 for each halving of the frame rate.
    The rest is that of HuBERT Base: positions by a convolution, layers with the normalisation after each block.

    Frame t is centred on sample t * ``subsampling`` * fs / 100, as are the frames of MFCC. N samples give
    1 + N // (``subsampling`` * fs / 100) frames. The defaults have 3.0 M parameters.

    Args:
        num_clusters: C, number of units.
        fs: rate in Hz.
        n_mels: number of mel filters.
        subsampling: log-mel frames of 10 ms per frame, a power of 2.
        dim: D, size of all hidden states.
        heads: number of attention heads; divides ``dim``.
        hidden: size of the feed-forward layers.
        num_layers: number of transformer layers.
        position_kernel: frames that the convolution of positions sees, odd.
        dropout: dropout probability.
        mask_prob, mask_length, projection: see MaskedPredictor.

    Raises:
        InputError: a size does not fit.

    Example::

        model = LogMelHubert(num_clusters=100)
        model(torch.randn(1, 16000), 3)[2].shape  # (1, 51, 192)
    """

    def __init__(
        self,
        num_clusters: int = 100,
        fs: int = 16000,
        n_mels: int = 40,
        subsampling: int = 2,
        dim: int = 192,
        heads: int = 4,
        hidden: int = 768,
        num_layers: int = 6,
        position_kernel: int = 65,
        dropout: float = 0.1,
        mask_prob: float = 0.08,
        mask_length: int = 10,
        projection: int = 256,
    ):
        super().__init__(fs, dim, num_layers, num_clusters, mask_prob, mask_length, projection)
        halvings = max(subsampling, 1).bit_length() - 1
        is_odd = position_kernel >= 1 and position_kernel % 2 == 1
        if subsampling != 2**halvings or not is_odd or heads < 1 or dim % heads:
            raise InputError(
                f"model.init_args: subsampling {subsampling} must be a power of 2, position_kernel {position_kernel} "
                f"odd, and heads {heads} must divide dim {dim}"
            )
        self.log_mel = LogMelSpectrogram(fs, n_mels)
        sizes = [(n_mels, 1), *[(dim, 2)] * halvings]
        self.convolutions = nn.ModuleList(nn.Conv1d(inputs, dim, 3, stride, 1) for inputs, stride in sizes)
        self.norm, self.dropout = nn.LayerNorm(dim), nn.Dropout(dropout)
        groups = next(count for count in (16, 8, 4, 2, 1) if dim % count == 0)
        self.positions = nn.Conv1d(dim, dim, position_kernel, padding=position_kernel // 2, groups=groups)
        self.position_norm = nn.LayerNorm(dim)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(dim, heads, hidden, dropout, "gelu", batch_first=True) for _ in range(num_layers)
        )

    def num_frames(self, num_samples: int) -> int:
        """See LayerwiseNetwork."""
        frames = self.log_mel.num_frames(num_samples)
        for _ in self.convolutions[1:]:
            frames = (frames + 1) // 2
        return frames

    def embed(self, wav: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """See MaskedPredictor."""
        feats, frames = self.log_mel(wav, lengths)
        x = utterance_norm(feats, frames).transpose(1, 2)
        for convolution in self.convolutions:
            x = nn.functional.gelu(convolution(zero_padding(x, self._mask(x, frames))))
            if frames is not None and convolution.stride == (2,):
                frames = (frames + 1) // 2
        return self.dropout(self.norm(x.transpose(1, 2))), frames

    @staticmethod
    def _mask(x: Tensor, frames: Tensor | None) -> Tensor | None:
        """The valid frames (B, T) of (B, D, T)."""
        return None if frames is None else length_mask(frames, x.shape[2])

    def transform(self, x: Tensor, frames: Tensor | None = None, num_layers: int | None = None) -> list[Tensor]:
        """See MaskedPredictor."""
        mask = self._mask(x.transpose(1, 2), frames)
        positions = self.positions(zero_padding(x.transpose(1, 2), mask))
        x = self.dropout(self.position_norm(x + nn.functional.gelu(positions).transpose(1, 2)))
        states = [x]
        for layer in self.layers[:num_layers]:
            states.append(layer(states[-1], src_key_padding_mask=None if mask is None else ~mask))
        return states
