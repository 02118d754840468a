"""ERes2NetV2."""

from torch import Tensor, nn

from toolkit.models.sv.base import SpeakerEncoder
from toolkit.nn.mask import length_mask, zero_padding
from toolkit.nn.pooling import StatisticsPooling
from toolkit.nn.res2net import AttentionalFeatureFusion, Res2NetStage


class ERes2NetV2(SpeakerEncoder):
    """ERes2NetV2 (Chen, Zheng, Wang et al. 2024, arXiv 2406.02167, section 2 and table 1).

    A 3x3 convolution; four stages of Res2Net blocks, the last two with attentional fusion in their blocks; bottom-up
    fusion of the outputs of the third and fourth stage; mean and standard deviation over time; a linear layer. The
    default has 17.86 M parameters on 80 mel bins.

    Args:
        n_mels: F, number of features per frame.
        embedding_dim: D.
        channels: channels of the first convolution; stage i has ``channels * 2^i`` planes.
        blocks: number of Res2Net blocks of each of the four stages.
        base_width, scale, expansion: see :class:`toolkit.nn.res2net.Res2NetBlock`.

    Example::

        ERes2NetV2(channels=8)(torch.randn(2, 200, 80)).shape  # (2, 192)
    """

    def __init__(
        self,
        n_mels: int = 80,
        embedding_dim: int = 192,
        channels: int = 64,
        blocks: tuple[int, int, int, int] = (3, 4, 6, 3),
        base_width: int = 26,
        scale: int = 2,
        expansion: int = 2,
    ):
        super().__init__()
        self.embedding_dim = embedding_dim
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())
        widths = [channels, *(expansion * channels * 2**i for i in range(4))]
        options = {"base_width": base_width, "scale": scale, "expansion": expansion}
        self.stages = nn.ModuleList(
            Res2NetStage(widths[i], channels * 2**i, depth, stride=1 if i == 0 else 2, fusion=i >= 2, **options)
            for i, depth in enumerate(blocks)
        )
        self.down = nn.Conv2d(widths[3], widths[4], 3, stride=2, padding=1, bias=False)
        self.fusion = AttentionalFeatureFusion(widths[4])
        self.pooling = StatisticsPooling()
        bins = (n_mels + 7) // 8  # halved three times, rounded up
        self.embedding = nn.Linear(2 * widths[4] * bins, embedding_dim)

    def forward(self, feats: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T, F) features, lengths (B,) int64 frames or None (all T) -> (B, D) embeddings."""
        mask = None if lengths is None else length_mask(lengths, feats.shape[1])
        x = self.stem(zero_padding(feats.transpose(1, 2), mask)[:, None])
        for stage in self.stages:
            before, before_mask = x, mask
            x, mask = stage(x, mask)
        x = self.fusion(x, self.down(zero_padding(before, before_mask)))
        return self.embedding(self.pooling(x.flatten(1, 2), mask))
