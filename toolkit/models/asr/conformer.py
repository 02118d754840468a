"""Conformer with hybrid CTC/attention."""

from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.models.asr.base import SpeechRecognizer
from toolkit.nn.mask import length_mask, zero_padding
from toolkit.nn.multihead import RelativeAttention
from toolkit.nn.transformer_decoder import TransformerDecoder

_SHORTEST = 7  # minimum number of frames for the two convolutions


class Subsampling(nn.Module):
    """Two 3x3 convolutions of stride 2 and a linear layer: (B, T, F) -> (B, T', D), T' = ((T - 1) // 2 - 1) // 2.

    Without padding: an output frame depends on 7 frames of its utterance. A shorter utterance is padded with zeros.

    Args:
        n_feats: F, at least 7.
        dim: D.
    """

    def __init__(self, n_feats: int, dim: int):
        super().__init__()
        if n_feats < _SHORTEST:
            raise InputError(f"model.init_args.n_mels {n_feats}: must be {_SHORTEST} or more")
        self.conv = nn.Sequential(nn.Conv2d(1, dim, 3, 2), nn.ReLU(), nn.Conv2d(dim, dim, 3, 2), nn.ReLU())
        self.out = nn.Linear(dim * (((n_feats - 1) // 2 - 1) // 2), dim)

    @staticmethod
    def num_frames(frames: int) -> int:
        """T'."""
        return ((max(frames, _SHORTEST) - 1) // 2 - 1) // 2

    def forward(self, feats: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(B, T, F), (B,) frames|None -> (B, T', D), (B,) frames|None."""
        feats = nn.functional.pad(feats, (0, 0, 0, max(0, _SHORTEST - feats.shape[1])))
        x = self.out(self.conv(feats[:, None]).transpose(1, 2).flatten(2))
        if lengths is not None:
            lengths = ((lengths.clamp(min=_SHORTEST) - 1) // 2 - 1) // 2
        return x, lengths


class ConvolutionModule(nn.Module):
    """Pointwise convolution and GLU, depthwise convolution, batch norm, SiLU, pointwise convolution (figure 2).

    Args:
        dim: D.
        kernel_size: number of frames, odd.
    """

    def __init__(self, dim: int, kernel_size: int):
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise InputError(f"model.init_args.kernel_size {kernel_size}: must be odd")
        self.norm, self.batch_norm = nn.LayerNorm(dim), nn.BatchNorm1d(dim)
        self.first, self.last = nn.Conv1d(dim, 2 * dim, 1), nn.Conv1d(dim, dim, 1)
        self.depthwise = nn.Conv1d(dim, dim, kernel_size, padding=kernel_size // 2, groups=dim)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, D), mask (B, T) -> (B, T, D)."""
        x = nn.functional.glu(self.first(self.norm(x).transpose(1, 2)), 1)
        # Unlike torchaudio: mask here, otherwise the kernel mixes padding into the last frames.
        x = self.depthwise(zero_padding(x, mask))
        return self.last(nn.functional.silu(self.batch_norm(x))).transpose(1, 2)


class ConformerBlock(nn.Module):
    """Half a feed-forward, self-attention with relative positions, convolution, half a feed-forward (figure 1).

    Args:
        dim, heads, hidden, kernel_size, dropout: see Conformer.
    """

    def __init__(self, dim: int, heads: int, hidden: int, kernel_size: int, dropout: float):
        super().__init__()
        self.feeds = nn.ModuleList(
            nn.Sequential(
                *(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.SiLU(), nn.Dropout(dropout)), nn.Linear(hidden, dim)
            )
            for _ in range(2)
        )
        self.attention_norm, self.attention = nn.LayerNorm(dim), RelativeAttention(dim, heads, dropout)
        self.convolution = ConvolutionModule(dim, kernel_size)
        self.dropout, self.norm = nn.Dropout(dropout), nn.LayerNorm(dim)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, D), mask (B, T) -> (B, T, D)."""
        x = x + 0.5 * self.dropout(self.feeds[0](x))
        keys = None if mask is None else mask[:, None, None]
        x = x + self.dropout(self.attention(self.attention_norm(x), mask=keys))
        x = x + self.dropout(self.convolution(x, mask))
        return self.norm(x + 0.5 * self.dropout(self.feeds[1](x)))


class Conformer(SpeechRecognizer):
    """Conformer encoder (Gulati et al. 2020, arXiv 2005.08100) and transformer decoder, trained by CTC and attention.

    Subsampling by 4, blocks of figure 1 with relative positions (Transformer-XL), a CTC layer on the encoder, and the
    decoder of Watanabe et al. 2017 (IEEE JSTSP 11(8)). The defaults are the sizes of ESPnet's conformer for 100 hours
    of LibriSpeech, 34.2 M with its 5000 BPE units.

    The input is normalised features. In training, batch normalisation includes padded frames, so use batches of similar
    length (BucketBatches).

    Args:
        num_units: U, number of units in the units file.
        n_mels: F, number of features per frame.
        dim: D.
        heads: number of heads of all attentions.
        hidden: hidden size of the encoder's feed-forward layers.
        blocks: number of encoder blocks.
        kernel_size: kernel of the depthwise convolutions in frames (after subsampling), odd.
        decoder_blocks: number of decoder blocks; 0: CTC only.
        decoder_hidden: hidden size of the decoder's feed-forward layers.
        dropout: dropout probability of all layers.

    Raises:
        InputError: a size does not fit.

    Example::

        model = Conformer(num_units=500)
        model(torch.randn(1, 200, 80)).shape  # (1, 49, 500)
    """

    def __init__(
        self,
        num_units: int = 500,
        n_mels: int = 80,
        dim: int = 256,
        heads: int = 4,
        hidden: int = 1024,
        blocks: int = 12,
        kernel_size: int = 31,
        decoder_blocks: int = 6,
        decoder_hidden: int = 2048,
        dropout: float = 0.1,
    ):
        sizes = (num_units, dim, heads, decoder_hidden, decoder_blocks, dropout)
        super().__init__(num_units, dim, TransformerDecoder(*sizes) if decoder_blocks else None)
        self.subsampling, self.dropout = Subsampling(n_mels, dim), nn.Dropout(dropout)
        self.blocks = nn.ModuleList(ConformerBlock(dim, heads, hidden, kernel_size, dropout) for _ in range(blocks))

    def num_frames(self, frames: int) -> int:
        """See SpeechRecognizer."""
        return self.subsampling.num_frames(frames)

    def encode(self, feats: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, T, F), (B,) frames|None -> (B, T', D), (B,) frames|None."""
        x, frames = self.subsampling(feats, lengths)
        mask = None if frames is None else length_mask(frames, x.shape[1])
        x = self.dropout(x * self.dim**0.5)
        for block in self.blocks:
            x = block(x, mask)
        return x, frames
