import pytest
import torch
from helpers import plain
from helpers.plain import after_training

from toolkit.nn.mask import length_mask
from toolkit.nn.unet import Decoder, Encoder, Merge

CHANNELS, BLOCKS = (8, 8, 16, 24), (1, 2, 1, 1)
# The resolutions of E0 .. E4 for 13 bins and 11 frames: frequency is halved, then both at stages 2 and 3, rounded up.
ODD = [(8, 7, 11), (8, 7, 11), (8, 4, 6), (16, 2, 3), (24, 2, 3)]


def maps_like(shapes, batch=2) -> list[torch.Tensor]:
    return [torch.randn(batch, *shape, dtype=torch.float64) for shape in shapes]


def encoded(w, x, guests=None):
    """E0 to E4, written down: E_i = stage_i(conv([E_{i-1}; guest_{i-1}]))."""
    maps = [plain.stem(w, "stem", x)]
    for i, stride in enumerate((1, 2, 2, 1)):
        x = maps[i] if guests is None else plain.conv(w, f"merges.{i}.conv", torch.cat((maps[i], guests[i]), 1))
        maps.append(plain.se_stage(w, f"stages.{i}", x, stride))
    return maps


def decoded(w, maps, shape, guests=None):
    """D0 to D4 and the spectrogram, written down step by step as in table 1, from bottom to top."""

    def shown(x, i):
        return x if guests is None else plain.conv(w, f"merges.{i}.conv", torch.cat((x, guests[i]), 1))

    e0, e1, e2, e3, e4 = maps
    d1 = plain.se_stage(w, "stages.0", plain.conv(w, "first.conv", torch.cat((shown(e4, 0), e3), 1)))
    up = plain.doubled(w, "up.0", shown(d1, 1))[:, :, : e2.shape[2], : e2.shape[3]]
    d2 = plain.se_stage(w, "stages.1", torch.cat((up, e2), 1))
    up = plain.doubled(w, "up.1", shown(d2, 2))[:, :, : e1.shape[2], : e1.shape[3]]
    d3 = plain.se_stage(w, "stages.2", torch.cat((up, e1), 1))
    d4 = plain.se_stage(w, "stages.3", plain.conv(w, "last.conv", torch.cat((shown(d3, 3), e0), 1)))
    # 2x1 kernel of stride 2x1: bin 2f + i is the sum over channels of bin f times the i-th tap
    spectrogram = torch.einsum("bcft,ci->bfit", torch.cat((d4, e0), 1), w["out.weight"][:, 0, :, 0]).flatten(1, 2)
    return [e4, d1, d2, d3, d4], spectrogram[:, None, : shape[0]]


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_merge_is_a_convolution_of_both(kernel_size):
    merge = Merge(5, 4, kernel_size).double()
    x, other = torch.randn(2, 3, 6, 7, dtype=torch.float64), torch.randn(2, 2, 6, 7, dtype=torch.float64)
    weight = merge.conv.weight
    expected = sum(
        torch.nn.functional.conv2d(part, taps, padding=kernel_size // 2)
        for part, taps in ((x, weight[:, :3]), (other, weight[:, 3:]))
    )
    torch.testing.assert_close(merge(x, other), expected)
    assert merge.conv.bias is None


@pytest.mark.parametrize("guest_kernel", [0, 1, 3])
def test_encoder_equals_its_formula(guest_kernel):
    encoder = after_training(Encoder(CHANNELS, BLOCKS, guest_kernel)).double()
    x = torch.randn(2, 1, 13, 11, dtype=torch.float64)
    guests = maps_like(ODD[:4]) if guest_kernel else None
    maps, masks = encoder(x, None, guests)
    assert [tuple(one.shape[1:]) for one in maps] == ODD
    assert masks == [None] * 5
    torch.testing.assert_close(maps, encoded(encoder.state_dict(), x, guests))


@pytest.mark.parametrize("guest_kernel", [0, 3])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_decoder_equals_its_formula(kernel_size, guest_kernel):
    decoder = after_training(Decoder(CHANNELS, BLOCKS, kernel_size, guest_kernel)).double()
    maps = maps_like(ODD)
    shapes = [ODD[4], (16, 2, 3), (8, 4, 6), (8, 7, 11), (8, 7, 11)]  # of D0 .. D4
    guests = maps_like(shapes[:4]) if guest_kernel else None
    steps, spectrogram = decoder(maps, [None] * 5, (13, 11), guests)
    assert [tuple(step.shape[1:]) for step in steps] == shapes
    assert spectrogram.shape == (2, 1, 13, 11)
    torch.testing.assert_close((steps, spectrogram), decoded(decoder.state_dict(), maps, (13, 11), guests))


def test_skips_are_those_of_equation_7():
    """D_i depends on E_4 and, of the skips, on E_3 down to E_{4-i}; the spectrogram on E_0 beside D_4."""
    decoder, maps = Decoder(CHANNELS, BLOCKS), [one.float().requires_grad_() for one in maps_like(ODD)]
    steps, spectrogram = decoder(maps, [None] * 5, (13, 11))
    for i, out in enumerate([*steps, spectrogram]):
        gradients = torch.autograd.grad(out.square().sum(), maps, retain_graph=True, allow_unused=True)
        seen = [j for j, gradient in enumerate(gradients) if gradient is not None and gradient.any()]
        assert seen == list(range(4 - min(i, 4), 5))
    with torch.no_grad():
        decoder.out.weight[:8] = 0  # those of D4
    (gradient,) = torch.autograd.grad(decoder(maps, [None] * 5, (13, 11))[1].sum(), maps[:1])
    assert gradient.any()


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 8, 17])
@pytest.mark.parametrize("bins", [8, 9, 13, 16])
def test_every_size_comes_back(bins, frames):
    encoder, decoder = Encoder(CHANNELS, BLOCKS).eval(), Decoder(CHANNELS, BLOCKS).eval()
    maps, masks = encoder(torch.randn(1, 1, bins, frames), None)
    assert decoder(maps, masks, (bins, frames))[1].shape == (1, 1, bins, frames)
    assert maps[4].shape == (1, 24, -(-bins // 8), -(-frames // 4))


@pytest.mark.parametrize("guest_kernel", [0, 3])
def test_padding_does_not_count(guest_kernel):
    """What lies in the padding, also of the guests, is arbitrary; the spectrogram is zero there."""
    encoder = after_training(Encoder(CHANNELS, BLOCKS, guest_kernel)).double()
    decoder = after_training(Decoder(CHANNELS, BLOCKS, 3, guest_kernel)).double()
    x, lengths = torch.randn(6, 1, 13, 11, dtype=torch.float64), torch.tensor([11, 10, 7, 4, 2, 1])
    guests = (maps_like(ODD[:4], 6), maps_like([ODD[4], *ODD[3:0:-1]], 6)) if guest_kernel else (None, None)

    def run(x, mask, guests):
        maps, masks = encoder(x, mask, guests[0])
        return decoder(maps, masks, x.shape[2:], guests[1])[1]

    alone = []
    for i, n in enumerate(lengths):
        frames = [n, n, -(-n // 2), -(-n // 4), -(-n // 4)]
        cut = [g and [one[i : i + 1, ..., :t] for one, t in zip(g, frames, strict=False)] for g in guests[:1]]
        cut += [g and [one[i : i + 1, ..., : frames[4 - k]] for k, one in enumerate(g)] for g in guests[1:]]
        alone.append(run(x[i : i + 1, ..., :n], None, cut))
    for i, n in enumerate(lengths):
        x[i, ..., n:] = 1e3
    padded = run(x, length_mask(lengths, 11), guests)
    for row, n, single in zip(padded, lengths, alone, strict=True):
        torch.testing.assert_close(row[..., :n], single[0])
        assert not row[..., n:].any()
