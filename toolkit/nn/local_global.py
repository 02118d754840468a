"""Local and global representation of an enrolled speaker, for the layers of any separation network."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.nn.arn import ARN
from toolkit.nn.mask import masked_mean, zero_padding

REPRESENTATIONS = ("local", "global", "lgr")
_FRAMES = 4096  # that the ARN reads at once


class SpeakerCues(NamedTuple):
    """Inputs that an enrolment adds to the layers of a separation network.

    Attributes:
        features: of each layer's input, (B, C_i, F_i); none without local features.
        gain: (B, N) of the bottleneck; None without a global one.
    """

    features: tuple[Tensor, ...] = ()
    gain: Tensor | None = None

    def beside(self, level: int, x: Tensor) -> Tensor:
        """Input (B, C, F_i, T) of the layer number ``level`` -> (B, C + C_i, F_i, T), the same in all frames."""
        if level >= len(self.features):
            return x
        return torch.cat((x, self.features[level][..., None].expand(-1, -1, -1, x.shape[3]).to(x.dtype)), dim=1)

    def multiplied(self, x: Tensor) -> Tensor:
        """Input (B, T, N) of the bottleneck's sequence model -> (B, T, N), each frame times the gain."""
        return x if self.gain is None else x * self.gain[:, None].to(x.dtype)


class LocalGlobal(nn.Module):
    """Local-global speaker representation, LGR (He et al. 2023, ICASSP, section 3.1).

    Local: a network of the enrolment's magnitudes, trained along with the separation network. An ARN runs over the bins
    of every frame, then layers like those of the separation encoder. The output at every level is averaged over the
    enrolment's frames and goes to the input of the separation layer of that level. Global: a linear layer makes of an
    embedding a gain on the input of the separation network's sequence model. Each can be off.

    The text concatenates input and output of the ARN for the layers, but table 1 leaves one channel for the separation
    network. ``local_in=2``: the layers read both, and the separation network's first layer is given the ARN's output;
    ``local_in=1``: both are given the ARN's output.

    Args:
        layers: of the local network, each (B, C, F, T) -> (B, C', F', T); the first takes ``local_in`` channels. Their
            frames must depend on near frames only: padding is zero before every layer. None where ``kind`` is global.
        widths: C' of each.
        bottleneck: N, of the sequence model's input.
        embedding_dim: D of the embedding; None where ``kind`` is local.
        kind: ``local``, ``global`` or ``lgr``, both.
        local_in: 1 or 2; see above.
        hidden: channels of the ARN.
        unit_embedding: the embedding is brought to unit length first.
        dropout: in the ARN.

    Attributes:
        added: channels that each separation layer's input gains, level by level; empty where there are no local ones.

    Raises:
        InputError: ``kind`` is unknown, what it needs is missing, or ``local_in`` is not 1 or 2.

    Example::

        block = LocalGlobal([nn.Conv2d(2, 16, 3, (2, 1), (0, 1))], [16], bottleneck=1024, embedding_dim=256)
        cues = block(torch.rand(2, 161, 300), None, torch.randn(2, 256))
        cues.beside(0, torch.randn(2, 3, 161, 100)).shape  # (2, 4, 161, 100)
        cues.multiplied(torch.randn(2, 100, 1024)).shape  # (2, 100, 1024)
    """

    def __init__(
        self,
        layers: Sequence[nn.Module] | None,
        widths: Sequence[int],
        bottleneck: int,
        embedding_dim: int | None,
        kind: str = "lgr",
        local_in: int = 2,
        hidden: int = 32,
        unit_embedding: bool = False,
        dropout: float = 0.05,
    ):
        super().__init__()
        check_kind(kind)
        if local_in not in (1, 2):
            raise InputError(f"local_in {local_in}: must be 1 or 2")
        uses_local, uses_global = kind != "global", kind != "local"
        if (uses_local and layers is None) or (uses_global and embedding_dim is None):
            raise InputError(f"representation {kind!r}: needs {'embedding_dim' if layers else 'local layers'}")
        self.local_in, self.unit_embedding = local_in, unit_embedding
        self.arn = ARN(hidden, 1, 1, input_norm=False, dropout=dropout) if uses_local else None
        self.layers = nn.ModuleList(layers or ()) if uses_local else None
        self.gain = nn.Linear(embedding_dim or 0, bottleneck) if uses_global else None
        self.added = (1, *widths) if uses_local else ()

    def forward(self, magnitude: Tensor | None, mask: Tensor | None, embedding: Tensor | None) -> SpeakerCues:
        """Cues of an enrolment.

        Args:
            magnitude: (B, F, T); None where there are no local features.
            mask: (B, T) of real frames; None: all are.
            embedding: (B, D); None where there is no global one.
        """
        levels = [] if magnitude is None else self.levels(magnitude, mask)
        features = tuple(masked_mean(level, mask) for level in levels)
        if self.gain is None or embedding is None:
            return SpeakerCues(features)
        vector = nn.functional.normalize(embedding) if self.unit_embedding else embedding
        return SpeakerCues(features, self.gain(vector.to(self.gain.weight.dtype)))

    def levels(self, magnitude: Tensor, mask: Tensor | None = None) -> list[Tensor]:
        """Local features before they are averaged: (B, F, T) -> (B, C_i, F_i, T) of each level; none without."""
        if self.arn is None or self.layers is None:
            return []
        count, _, frames = magnitude.shape
        sequences = magnitude.transpose(1, 2).flatten(0, 1)[:, :, None]  # (B T, F, 1)
        # A frame depends on itself alone: parts bound the memory that a long enrolment takes.
        filtered = torch.cat([self.arn(part) for part in sequences.split(_FRAMES)])[:, :, 0]
        filtered = filtered.unflatten(0, (count, frames)).transpose(1, 2)[:, None]
        x = torch.cat((magnitude[:, None].to(filtered.dtype), filtered), 1) if self.local_in == 2 else filtered
        maps = [filtered]
        for layer in self.layers:
            x = layer(zero_padding(x, mask))
            maps.append(x)
        return maps


def check_kind(kind: str) -> None:
    """Raise InputError where a representation is none of REPRESENTATIONS."""
    if kind not in REPRESENTATIONS:
        raise InputError(f"representation {kind!r}: must be one of {', '.join(REPRESENTATIONS)}")
