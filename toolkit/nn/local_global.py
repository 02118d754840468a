"""Local and global representation of an enrolled speaker, as input of a separation network."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from toolkit.io.errors import InputError
from toolkit.nn.arn import ARN
from toolkit.nn.mask import masked_mean, zero_padding

REPRESENTATIONS = ("local", "global", "lgr")
FUSIONS = ("multiply", "concatenate")
_FRAMES = 4096  # per call of the ARN


class SpeakerCues(NamedTuple):
    """Inputs from the enrolment for the layers of a separation network.

    Attributes:
        features: local features for each layer, (B, C_i, F_i); empty without local features.
        gain: (B, N) gain on the bottleneck, or concatenated gains of several; None without multiplication.
        vector: (B, D) to concatenate to the bottleneck; None without concatenation.
    """

    features: tuple[Tensor, ...] = ()
    gain: Tensor | None = None
    vector: Tensor | None = None

    def beside(self, level: int, x: Tensor) -> Tensor:
        """Input (B, C, F_i, T) of layer ``level`` -> (B, C + C_i, F_i, T), with the same features in all frames."""
        if level >= len(self.features):
            return x
        return torch.cat((x, self.features[level][..., None].expand(-1, -1, -1, x.shape[3]).to(x.dtype)), dim=1)

    def fused(self, x: Tensor, part: int = 0) -> Tensor:
        """Input (B, T, N) of sequence model ``part`` -> (B, T, N), multiplied by the gain, or (B, T, N + D)."""
        if self.vector is not None:
            return torch.cat((x, self.vector[:, None].expand(-1, x.shape[1], -1).to(x.dtype)), dim=2)
        if self.gain is None:
            return x
        return x * self.gain[:, None, part * x.shape[2] : (part + 1) * x.shape[2]].to(x.dtype)


class LocalGlobal(nn.Module):
    """Local-global speaker representation, LGR (He et al. 2023, ICASSP, section 3.1).

    Local: a network on the magnitudes of the enrolment, trained with the separation network. An ARN runs over the bins
    of every frame, followed by layers like those of the separation encoder. The output of every level is averaged over
    the frames of the enrolment and concatenated to the input of the separation layer of that level. Global: a linear
    layer maps an embedding to a gain on the input of the sequence model. Each part can be off.

    The paper is not complete; our choices are:

    - The text concatenates input and output of the ARN for the layers, but table 1 has one channel for the separation
      network. ``local_in=2``: the layers read both, and the first separation layer reads the ARN output;
      ``local_in=1``: both read the ARN output.
    - Local features of the baselines are computed "in a similar way as in Speakerfilter". So their layers mirror the
      encoder of the baseline, up to the input of its last layer. Speakerfilter has a recurrent network over frames
      instead of the ARN (``anchor``); the other baselines use the ARN.
    - Speakerfilter's own program multiplies the encoder outputs by means over frames and bins. Here local features are
      averaged over frames and concatenated, as the paper describes it.
    - Baselines differ in the use of embeddings (``fusion``). ``multiply``: as in LGR-TSE, also before several sequence
      models (``bottleneck`` is then the sum of their widths, see :meth:`SpeakerCues.fused`). ``concatenate``: the
      embedding is concatenated to every frame, without a linear layer, as in VoiceFilter.

    Args:
        layers: layers of the local network, each (B, C, F, T) -> (B, C', F', T); the first reads ``local_in`` channels.
            Their frames must depend only on near or earlier frames: padding is set to zero before every layer. None if
            ``kind`` is global.
        widths: C' of each layer.
        bottleneck: N, size of the sequence model's input.
        embedding_dim: D; None if ``kind`` is local.
        kind: ``local``, ``global``, or ``lgr`` (both).
        local_in: 1 or 2; see above.
        hidden: channels of the ARN.
        unit_embedding: scale the embedding to unit length first.
        dropout: dropout in the ARN.
        fusion: ``multiply`` or ``concatenate``; see above.
        anchor: network (B, F, T), mask (B, T) or None -> (B, F, T) instead of the ARN; None: the ARN.

    Attributes:
        added: number of channels that local features add to each separation layer; empty without local features.
        widened: number of dimensions that the embedding adds to the input of the sequence model.

    Raises:
        InputError: ``kind`` or ``fusion`` is unknown, what ``kind`` needs is missing, or ``local_in`` is not 1 or 2.

    Example::

        block = LocalGlobal([nn.Conv2d(2, 16, 3, (2, 1), (0, 1))], [16], bottleneck=1024, embedding_dim=256)
        cues = block(torch.rand(2, 161, 300), None, torch.randn(2, 256))
        cues.beside(0, torch.randn(2, 3, 161, 100)).shape  # (2, 4, 161, 100)
        cues.fused(torch.randn(2, 100, 1024)).shape  # (2, 100, 1024)
    """

    def __init__(
        self,
        layers: Iterable[nn.Module] | None,
        widths: Sequence[int],
        bottleneck: int,
        embedding_dim: int | None,
        kind: str = "lgr",
        local_in: int = 2,
        hidden: int = 32,
        unit_embedding: bool = False,
        dropout: float = 0.05,
        fusion: str = "multiply",
        anchor: nn.Module | None = None,
    ):
        super().__init__()
        check_kind(kind)
        if fusion not in FUSIONS:
            raise InputError(f"fusion {fusion!r}: must be one of {', '.join(FUSIONS)}")
        if local_in not in (1, 2):
            raise InputError(f"local_in {local_in}: must be 1 or 2")
        uses_local, uses_global = kind != "global", kind != "local"
        if (uses_local and layers is None) or (uses_global and embedding_dim is None):
            raise InputError(f"representation {kind!r}: needs {'embedding_dim' if layers else 'local layers'}")
        self.local_in, self.unit_embedding, beside = local_in, unit_embedding, fusion == "concatenate"
        self.anchor = anchor if uses_local else None
        uses_arn = uses_local and anchor is None
        self.arn = ARN(hidden, 1, 1, input_norm=False, dropout=dropout) if uses_arn else None
        self.layers = nn.ModuleList(layers or ()) if uses_local else None
        self.gain = nn.Linear(embedding_dim or 0, bottleneck) if uses_global and not beside else None
        self.added = (1, *widths) if uses_local else ()
        self.widened = int(embedding_dim or 0) if uses_global and beside else 0

    def forward(self, magnitude: Tensor | None, mask: Tensor | None, embedding: Tensor | None) -> SpeakerCues:
        """Compute the cues of an enrolment.

        Args:
            magnitude: (B, F, T); None without local features.
            mask: (B, T) mask of valid frames; None: all valid.
            embedding: (B, D); None without a global representation.
        """
        levels = [] if magnitude is None else self.levels(magnitude, mask)
        features = tuple(masked_mean(level, mask) for level in levels)
        if embedding is None or not (self.gain or self.widened):
            return SpeakerCues(features)
        vector = nn.functional.normalize(embedding) if self.unit_embedding else embedding
        if self.gain is None:
            return SpeakerCues(features, vector=vector)
        return SpeakerCues(features, self.gain(vector.to(self.gain.weight.dtype)))

    def levels(self, magnitude: Tensor, mask: Tensor | None = None) -> list[Tensor]:
        """Local features before averaging: (B, F, T) -> (B, C_i, F_i, T) of each level; else empty."""
        if self.layers is None:
            return []
        filtered = self._filtered(magnitude, mask)[:, None]
        x = torch.cat((magnitude[:, None].to(filtered.dtype), filtered), 1) if self.local_in == 2 else filtered
        maps = [filtered]
        for layer in self.layers:
            x = layer(zero_padding(x, mask))
            maps.append(x)
        return maps

    def _filtered(self, magnitude: Tensor, mask: Tensor | None) -> Tensor:
        """Apply the recurrent network, (B, F, T) -> (B, F, T)."""
        if self.arn is None:
            return cast(nn.Module, self.anchor)(magnitude, mask)
        sequences = magnitude.transpose(1, 2).flatten(0, 1)[:, :, None]  # (B T, F, 1)
        # Each frame is independent: parts limit the memory for long enrolments.
        filtered = torch.cat([self.arn(part) for part in sequences.split(_FRAMES)])[:, :, 0]
        return filtered.unflatten(0, (len(magnitude), -1)).transpose(1, 2)


def check_kind(kind: str) -> None:
    """Raise InputError if ``kind`` is not one of REPRESENTATIONS."""
    if kind not in REPRESENTATIONS:
        raise InputError(f"representation {kind!r}: must be one of {', '.join(REPRESENTATIONS)}")
