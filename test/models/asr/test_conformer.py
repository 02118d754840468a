"""The conformer: its convolution against torchaudio's, padding, size of the published configuration."""

import pytest
import torch
from torchaudio.models.conformer import _ConvolutionModule

from toolkit.io.errors import InputError
from toolkit.models.asr.conformer import Conformer, ConvolutionModule, Subsampling

TINY = {"n_mels": 8, "dim": 8, "heads": 2, "hidden": 16, "blocks": 2, "kernel_size": 5}
TINY |= {"decoder_blocks": 1, "decoder_hidden": 16}


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = Conformer(num_units=6, **TINY)
    for _ in range(3):  # statistics other than 0 and 1
        model.encode(torch.randn(4, 60, 8))
    return model.eval()


def test_convolution_as_in_torchaudio():
    ours, theirs = ConvolutionModule(6, 5).eval(), _ConvolutionModule(6, 6, 5, bias=True).eval()
    norm, first, _, depthwise, batch_norm, _, last, _ = theirs.layer_norm, *theirs.sequential
    pairs = ((norm, ours.norm), (first, ours.first), (depthwise, ours.depthwise), (last, ours.last))
    for other, own in (*pairs, (batch_norm, ours.batch_norm)):
        other.load_state_dict(own.state_dict())
    x = torch.randn(2, 12, 6)
    torch.testing.assert_close(ours(x, None), theirs(x))


@pytest.mark.parametrize("short", [1, 5, 7, 30, 58, 59])
@torch.no_grad()
def test_a_padded_utterance_is_encoded_as_alone(model, short):
    feats, lengths = torch.randn(2, 60, 8), torch.tensor([60, short])
    feats[1, short:] = 0
    encoded, frames = model.encode(feats, lengths)
    alone, none = model.encode(feats[1:, :short])
    assert none is None
    assert frames.tolist() == [encoded.shape[1], alone.shape[1]] == [model.num_frames(60), model.num_frames(short)]
    torch.testing.assert_close(encoded[1:, : alone.shape[1]], alone, atol=1e-5, rtol=1e-5)


def test_subsampling_is_by_four():
    for frames in range(1, 200):
        made = Subsampling(8, 4)(torch.zeros(1, frames, 8), None)[0].shape[1]
        assert made == Subsampling.num_frames(frames) == max(1, (frames - 3) // 4)


def test_size_by_the_papers():
    """12 blocks of 256 and a decoder of 6, counted from figures 1 to 4 and from Vaswani et al., 3.1 to 3.4."""
    dim, units = 256, 5000
    norm, attention, relative = 2 * dim, 4 * (dim * dim + dim), dim * dim + 2 * dim

    def feed(hidden: int) -> int:
        return 2 * dim * hidden + hidden + dim

    convolution = norm + (dim + 1) * 2 * dim + (31 + 1) * dim + norm + (dim + 1) * dim
    block = 2 * (norm + feed(1024)) + norm + attention + relative + convolution + norm
    subsampling = (9 + 1) * dim + (9 * dim + 1) * dim + (19 * dim + 1) * dim  # 80 filters -> 39 -> 19
    decoder = units * dim + 6 * (3 * norm + 2 * attention + feed(2048)) + norm + (dim + 1) * units
    expected = subsampling + 12 * block + decoder + (dim + 1) * units
    assert sum(p.numel() for p in Conformer(num_units=units).parameters()) == expected == 34_229_008


@pytest.mark.parametrize("bad", [{"num_units": 3}, {"heads": 3}, {"kernel_size": 4}, {"n_mels": 5}])
def test_sizes_that_do_not_fit(bad):
    with pytest.raises(InputError):
        Conformer(**{"num_units": 6, **TINY, **bad})
