"""x-vector."""

from torch import Tensor, nn

from toolkit.models.sv.base import SpeakerEncoder
from toolkit.nn.mask import length_mask
from toolkit.nn.pooling import StatisticsPooling
from toolkit.nn.tdnn import TdnnBlock

_CONTEXTS = ((5, 1), (3, 2), (3, 3), (1, 1))  # kernel and dilation in frames; then a layer of one frame


class XVector(SpeakerEncoder):
    """x-vector (Snyder et al. 2018, ICASSP, table 1), as SUPERB trains it (Yang et al. 2021, arXiv 2105.01051).

    Five time-delay layers, mean and deviation over time, two linear layers. The defaults are those of the benchmark's
    code (s3prl): a projection before, no batch normalisation, and embeddings behind the ReLU of the first linear layer,
    while the loss reads the second, ``AMSoftmax(output="embedding_b")``. Convolutions are padded here, so that an
    utterance may have a single frame.

    Args:
        n_mels: F, features of a frame.
        projection: size of a linear layer before all; None: there is none.
        channels: of the time-delay layers.
        pooled_channels: of the last of them.
        embedding_dim: D, of both linear layers.
        norm: batch normalisation behind each time-delay layer, as in the paper of 2018.

    Example::

        XVector(n_mels=80, projection=None)(torch.randn(2, 200, 80)).shape  # (2, 512)
    """

    def __init__(
        self,
        n_mels: int = 768,
        projection: int | None = 512,
        channels: int = 512,
        pooled_channels: int = 1500,
        embedding_dim: int = 512,
        norm: bool = False,
    ):
        super().__init__()
        self.embedding_dim = embedding_dim
        self.projection = nn.Linear(n_mels, projection) if projection else nn.Identity()
        sizes = [projection or n_mels, *[channels] * len(_CONTEXTS)]
        blocks = [TdnnBlock(size, channels, *context, norm) for size, context in zip(sizes, _CONTEXTS, strict=False)]
        self.blocks = nn.ModuleList([*blocks, TdnnBlock(channels, pooled_channels, norm=norm)])
        self.pooling = StatisticsPooling()
        self.embed = nn.Sequential(nn.Linear(2 * pooled_channels, embedding_dim), nn.ReLU())
        self.embed_b = nn.Sequential(nn.Linear(embedding_dim, embedding_dim), nn.ReLU())

    @property
    def output_dims(self) -> dict[str, int]:
        """Size of each vector among the outputs."""
        return dict.fromkeys(("embedding", "embedding_b"), self.embedding_dim)

    def outputs(self, feats: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """(B, T, F) features, (B,) frames|None -> ``embedding`` and ``embedding_b``, (B, D)."""
        embedding = self(feats, lengths)
        return {"embedding": embedding, "embedding_b": self.embed_b(embedding)}

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F) features, lengths (B,) frames -> (B, D) embeddings."""
        x = self.projection(feats).transpose(1, 2)
        mask = None if lengths is None else length_mask(lengths, x.shape[2])
        for block in self.blocks:
            x = block(x, mask)
        return self.embed(self.pooling(x, mask))
