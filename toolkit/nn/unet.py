"""A U-Net of SE-ResNet stages on log-mel spectrograms (B, 1, F, T), with optional guest maps at each stage.

The first convolution halves frequency; stages 2 and 3 halve frequency and time. If T or F is odd, the surplus of a
transposed convolution is cut off. ``masks`` are lists of (B, T') or None, one for each resolution. Padded frames are
kept at zero, so padding does not change the output of an utterance. Guests are maps of another network of equal shape.
"""

import torch
from torch import Tensor, nn

from toolkit.nn.mask import zero_padding
from toolkit.nn.resnet import ResidualStage

STRIDES = (1, 2, 2, 1)  # of the encoder stages, in frequency and time
Masks = list[Tensor | None]


def stem(channels: int) -> nn.Sequential:
    """First convolution, 7x7, which halves frequency: (B, 1, F, T) -> (B, C, ceil(F / 2), T)."""
    convolution = nn.Conv2d(1, channels, 7, stride=(2, 1), padding=3, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


class Merge(nn.Module):
    """Concatenation of two maps and a convolution back to C channels, without normalisation.

    Args:
        in_channels: channels of both maps together.
        channels: C.
        kernel_size: kernel of the convolution, odd.
    """

    def __init__(self, in_channels: int, channels: int, kernel_size: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: Tensor, other: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C_x, F, T), (B, C_o, F, T), mask (B, T) -> (B, C, F, T)."""
        return self.conv(zero_padding(torch.cat((x, other), dim=1), mask))


class Encoder(nn.Module):
    """First convolution and four SE-ResNet stages: E0 to E4 (ParaNoise-SV, eq. 1 and 5, table 1).

    Args:
        channels: channels of E1 to E4; E0 has those of E1.
        blocks: number of SE-ResNet blocks of each stage.
        guest_kernel: kernel of the convolution after each concatenation with a guest; 0: no guests.
    """

    def __init__(self, channels: tuple[int, ...], blocks: tuple[int, ...], guest_kernel: int = 0):
        super().__init__()
        widths = (channels[0], *channels)
        self.stem = stem(channels[0])
        self.stages = nn.ModuleList(
            ResidualStage(widths[i], widths[i + 1], depth, (STRIDES[i], STRIDES[i])) for i, depth in enumerate(blocks)
        )
        self.merges = None
        if guest_kernel:
            self.merges = nn.ModuleList(Merge(2 * width, width, guest_kernel) for width in widths[:-1])

    def forward(self, x: Tensor, mask: Tensor | None, guests: list[Tensor] | None = None) -> tuple[list[Tensor], Masks]:
        """(B, 1, F, T), mask (B, T), guests E0 .. E3 of the same shapes -> [E0, ..., E4] and their masks."""
        guests = guests or []
        maps, masks = [self.stem(zero_padding(x, mask))], [mask]
        for i, stage in enumerate(self.stages):
            x = maps[i] if self.merges is None else self.merges[i](maps[i], guests[i], masks[i])
            x, mask = stage(x, masks[i])
            maps.append(x)
            masks.append(mask)
        return maps, masks


class Decoder(nn.Module):
    """Four decoder stages, D1 to D4, and the output spectrogram (ParaNoise-SV, eq. 3, 4, 7 and 8, table 1).

    D1: [D0 = E4; E3] - convolution - SE-ResNet. D2, D3: transposed convolution - [.; E2, E1] - SE-ResNet. D4: [D3; E0]
    - convolution - SE-ResNet. Output: [D4; E0] - transposed convolution, which doubles frequency.

    Args:
        channels: channels of the encoder maps E1 to E4.
        blocks: number of blocks of each encoder stage; reversed in the decoder.
        kernel_size: kernel of the convolutions after the concatenations.
        guest_kernel: kernel of the convolution after each concatenation with a guest; 0: no guests.
    """

    def __init__(self, channels: tuple[int, ...], blocks: tuple[int, ...], kernel_size: int = 1, guest_kernel: int = 0):
        super().__init__()
        c1, c2, c3, c4 = channels
        self.first = Merge(c4 + c3, c3, kernel_size)
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(wider, width, 2, 2, bias=False) for wider, width in ((c3, c2), (c2, c1))
        )
        self.last = Merge(2 * c1, c1, kernel_size)
        widths = ((c3, c3), (2 * c2, c2), (2 * c1, c1), (c1, c1))
        self.stages = nn.ModuleList(
            ResidualStage(*width, depth) for width, depth in zip(widths, reversed(blocks), strict=True)
        )
        self.out = nn.ConvTranspose2d(2 * c1, 1, (2, 1), (2, 1), bias=False)
        self.merges = None
        if guest_kernel:
            self.merges = nn.ModuleList(Merge(2 * width, width, guest_kernel) for width in (c4, c3, c2, c1))

    def forward(
        self, maps: list[Tensor], masks: Masks, shape: tuple[int, int], guests: list[Tensor] | None = None
    ) -> tuple[list[Tensor], Tensor]:
        """[E0, ..., E4] with masks, (F, T) of the input, guests D0 .. D3 -> [D0, ..., D4], spectrogram (B, 1, F, T)."""
        levels = masks[::-1]  # D0 has the resolution of E4, D1 of E3, ..., D4 of E0
        outputs, guests = [maps[4]], guests or []
        for i, stage in enumerate(self.stages):
            x = outputs[i]
            if self.merges is not None:
                x = self.merges[i](x, guests[i], levels[i])
            if i == 0:
                x = self.first(x, maps[3], levels[1])
            elif i == 3:
                x = self.last(x, maps[0], levels[4])
            else:
                skip = maps[3 - i]
                x = self.up[i - 1](x)
                x = torch.cat((x[:, :, : skip.shape[2], : skip.shape[3]], skip), dim=1)
            outputs.append(stage(x, levels[i + 1])[0])
        spectrogram = self.out(torch.cat((outputs[-1], maps[0]), dim=1))
        return outputs, zero_padding(spectrogram[:, :, : shape[0], : shape[1]], masks[0])
